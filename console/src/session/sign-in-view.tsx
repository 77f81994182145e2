import { useState } from 'preact/hooks'
import { ApiError } from '../api/api.ts'
import { Button } from '../parts/button.tsx'
import { TextArea } from '../parts/field.tsx'
import { Icon } from '../parts/icon.tsx'
import { Note } from '../parts/states.tsx'
import { useSignal } from '../signal.ts'
import { signInNotice } from './session.ts'
import { signInWith } from './sign-in.ts'

export function SignInView() {
  const notice = useSignal(signInNotice)
  const [token, setToken] = useState('')
  const [error, setError] = useState<string>()
  const [busy, setBusy] = useState(false)
  document.title = 'Sign in · ara-events'

  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    if (token.trim() === '') return setError('Paste a token or an API key.')
    setBusy(true)
    setError(undefined)
    try {
      await signInWith(token.trim())
    } catch (cause) {
      setError(cause instanceof ApiError ? cause.message : String(cause))
      setBusy(false)
    }
  }

  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <div class="brand">
          <span class="mark">
            <Icon name="streams" />
          </span>
          <span>ara-events</span>
        </div>
        <div class="stack-s">
          <h1>Sign in to the console</h1>
          <p class="muted">Streams, webhooks and deliveries of this server, with the rights of your token.</p>
        </div>
        {notice && (
          <Note tone="warn" icon="warning">
            <p>{notice}</p>
          </Note>
        )}
        <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
          <TextArea
            label="Token or API key"
            mono
            rows={4}
            value={token}
            onValue={setToken}
            error={error}
            hint="Kept in this tab only, until you sign out or close it."
          />
          <Button type="submit" kind="primary" busy={busy}>
            Sign in
          </Button>
        </form>
        <p class="fine">
          <code>npm start</code> prints a link that signs you in, and <code>npm run token</code> makes a token.
        </p>
      </div>
    </main>
  )
}

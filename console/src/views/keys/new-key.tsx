import { useState } from 'preact/hooks'
import { ask } from '../../api/api.ts'
import type { ApiKey } from '../../api/shapes.ts'
import { words } from '../../format.ts'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Select, TextField } from '../../parts/field.tsx'
import { ErrorNote } from '../../parts/states.tsx'
import { session } from '../../session/session.ts'

const ROLES = ['readonly', 'user', 'producer', 'admin'] as const
const ENDS = [
  ['30', 'in 30 days'],
  ['90', 'in 90 days'],
  ['365', 'in a year'],
  ['', 'never'],
] as const

/** A key has at most the role of who makes it. */
export function NewKey({ onMade, onClose }: { onMade: (key: ApiKey) => void; onClose: () => void }) {
  const own = session.value?.role ?? 'user'
  const roles = ROLES.slice(0, ROLES.indexOf(own) + 1)
  const [name, setName] = useState('')
  const [role, setRole] = useState<string>(own)
  const [days, setDays] = useState('90')
  const [error, setError] = useState<Error | null>(null)
  const [busy, setBusy] = useState(false)
  const make = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      const body = { name: name.trim(), role, expires_in_days: days === '' ? null : Number(days) }
      onMade(await ask<ApiKey>('POST', '/api/v1/auth/api-keys', { body }))
    } catch (cause) {
      setError(cause instanceof Error ? cause : new Error(String(cause)))
      setBusy(false)
    }
  }
  return (
    <Dialog title="New API key" onClose={onClose}>
      <form class="stack" onSubmit={(event) => void make(event)}>
        <TextField
          label="Name"
          required
          maxLength={100}
          value={name}
          onValue={setName}
          hint="What it is for, such as the program that uses it."
        />
        <Select label="Role" value={role} onValue={setRole} options={roles.map((one) => [one, words(one)] as const)} />
        <Select label="Ends" value={days} onValue={setDays} options={ENDS} />
        {error && <ErrorNote error={error} />}
        <div class="dialog-foot">
          <Button type="submit" kind="primary" busy={busy}>
            Make key
          </Button>
          <Button kind="quiet" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

import { useState } from 'preact/hooks'
import { ApiError, ask } from '../../api/api.ts'
import type { Webhook } from '../../api/shapes.ts'
import { useResource } from '../../api/use-resource.ts'
import { Button } from '../../parts/button.tsx'
import { Select, TextArea, TextField } from '../../parts/field.tsx'
import { Card, Page } from '../../parts/page.tsx'
import { ErrorNote, Shown } from '../../parts/states.tsx'
import { tell } from '../../parts/toasts.tsx'
import { go, Link } from '../../router.tsx'
import { ChooseEvents } from './choose-events.tsx'
import { readEventTypes } from './event-types.ts'
import { readHeaders, readSymbols } from './new-webhook.ts'
import { SecretDialog } from './secret-dialog.tsx'

const BLANK = {
  url: '',
  description: '',
  symbols: '',
  secret: '',
  headers: '',
  max_attempts: '',
  signature_style: 'canonical',
}

export function NewWebhookView() {
  const types = useResource(readEventTypes, [])
  const [form, setForm] = useState(BLANK)
  const [events, setEvents] = useState<readonly string[]>([])
  const [error, setError] = useState<Error | null>(null)
  const [busy, setBusy] = useState(false)
  const [made, setMade] = useState<Webhook | null>(null)
  const set = (name: keyof typeof BLANK) => (value: string) => setForm((before) => ({ ...before, [name]: value }))
  const complaint = (path: string) =>
    error instanceof ApiError ? error.details.find((detail) => detail.path.split('.')[0] === path)?.reason : undefined

  const create = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      const body = {
        url: form.url.trim(),
        events,
        ...(form.description.trim() === '' ? {} : { description: form.description.trim() }),
        ...(form.secret === '' ? {} : { secret: form.secret }),
        ...(form.symbols.trim() === '' ? {} : { symbols: readSymbols(form.symbols) }),
        ...(form.headers.trim() === '' ? {} : { headers: readHeaders(form.headers) }),
        ...(form.max_attempts === '' ? {} : { max_attempts: Number(form.max_attempts) }),
        ...(form.signature_style === 'canonical' ? {} : { signature_style: form.signature_style }),
      }
      const webhook = await ask<Webhook>('POST', '/api/v1/webhooks', { body })
      tell('The webhook was created.')
      if (webhook.secret === undefined) go(`/webhooks/${webhook.id}`)
      else setMade(webhook)
    } catch (cause) {
      setError(cause instanceof Error ? cause : new Error(String(cause)))
      setBusy(false)
    }
  }

  return (
    <Page title="New webhook" back={{ to: '/webhooks', text: 'Webhooks' }}>
      <form class="form-page" onSubmit={(event) => void create(event)}>
        <Card title="Receiver">
          <div class="stack">
            <TextField
              label="URL"
              type="url"
              required
              value={form.url}
              placeholder="https://example.com/hooks/ara"
              onValue={set('url')}
              error={complaint('url')}
              hint="Events arrive here as signed POST requests. Any 2xx answer within 15 seconds is a success."
            />
            <TextField
              label="Description"
              value={form.description}
              maxLength={500}
              onValue={set('description')}
              error={complaint('description')}
            />
          </div>
        </Card>
        <Card title="Events">
          <Shown resource={types}>
            {(entries) => (
              <ChooseEvents types={entries} chosen={events} onChange={setEvents} error={complaint('events')} />
            )}
          </Shown>
          <TextField
            label="Symbols"
            value={form.symbols}
            placeholder="AAPL, ^GSPC"
            onValue={set('symbols')}
            error={complaint('symbols')}
            hint="Only events about these, separated by commas. Leave it empty for all; with symbols, events without one do not match."
          />
        </Card>
        <Card title="Signature and attempts">
          <div class="stack">
            <TextField
              label="Secret"
              value={form.secret}
              onValue={set('secret')}
              error={complaint('secret')}
              hint="16 to 128 characters. Leave it empty to have a strong one made, which is shown once."
            />
            <details>
              <summary>More options</summary>
              <div class="stack">
                <TextField
                  label="Most attempts"
                  type="number"
                  min={1}
                  max={20}
                  value={form.max_attempts}
                  onValue={set('max_attempts')}
                  error={complaint('max_attempts')}
                  hint="1 to 20. Ten attempts spread over about two days."
                />
                <TextArea
                  label="Headers"
                  mono
                  rows={3}
                  value={form.headers}
                  onValue={set('headers')}
                  error={complaint('headers')}
                  hint="Sent with each request, one a line, as Name: value. Kept encrypted and not shown again."
                />
                <Select
                  label="Signature style"
                  value={form.signature_style}
                  onValue={set('signature_style')}
                  options={[
                    ['canonical', 'Canonical (recommended)'],
                    ['node-quickstart', 'For the quick start’s Express receiver'],
                  ]}
                  hint="The second one does not cover the data of an event."
                />
              </div>
            </details>
          </div>
        </Card>
        {error && <ErrorNote error={error} />}
        <div class="form-foot">
          <Button type="submit" kind="primary" busy={busy}>
            Create webhook
          </Button>
          <Link to="/webhooks" class="button quiet">
            Cancel
          </Link>
        </div>
      </form>
      {made?.secret !== undefined && (
        <SecretDialog
          title="The secret of this webhook"
          what="secret"
          secret={made.secret}
          onClose={() => go(`/webhooks/${made.id}`)}
        >
          Verify each request with it: the client package has verifyWebhook, and any Standard Webhooks library works.
        </SecretDialog>
      )}
    </Page>
  )
}

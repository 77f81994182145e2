import { useState } from 'preact/hooks'
import { ask } from '../../api/api.ts'
import type { ApiKey, Page as ApiPage } from '../../api/shapes.ts'
import { useResource } from '../../api/use-resource.ts'
import { day, words } from '../../format.ts'
import { Badge } from '../../parts/badge.tsx'
import { ActionButton, Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Page } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { Ago, useNow } from '../../parts/time.tsx'
import { tell } from '../../parts/toasts.tsx'
import { mayChange } from '../../session/session.ts'
import { SecretDialog } from '../webhooks/secret-dialog.tsx'
import { NewKey } from './new-key.tsx'

const KEYS = '/api/v1/auth/api-keys'

export function KeysView() {
  const keys = useResource(
    async (signal) => (await ask<ApiPage<'api_keys', ApiKey>>('GET', KEYS, { query: { limit: 100 }, signal })).api_keys,
    [],
  )
  const [isOpen, setOpen] = useState(false)
  const [made, setMade] = useState<ApiKey | null>(null)
  const show = (key: ApiKey) => {
    setOpen(false)
    setMade(key)
    keys.reload()
  }
  const create = mayChange() && (
    <Button kind="primary" icon="plus" onClick={() => setOpen(true)}>
      New key
    </Button>
  )
  return (
    <Page title="API keys" lead="For programs: sent as X-API-Key, or as the token of a stream." actions={create}>
      <Shown resource={keys}>
        {(list) =>
          list.length === 0 ? (
            <Empty icon="keys" title="No keys yet">
              <p class="muted">A key speaks for you until it ends or you revoke it.</p>
              {create}
            </Empty>
          ) : (
            <ul class="card flush rows">
              {list.map((key) => (
                <Row key={key.id} apiKey={key} onRotated={show} onGone={keys.reload} />
              ))}
            </ul>
          )
        }
      </Shown>
      {isOpen && <NewKey onMade={show} onClose={() => setOpen(false)} />}
      {made?.key !== undefined && (
        <SecretDialog title={made.name} what="key" secret={made.key} onClose={() => setMade(null)} />
      )}
    </Page>
  )
}

function Row({ apiKey, onRotated, onGone }: { apiKey: ApiKey; onRotated: (key: ApiKey) => void; onGone: () => void }) {
  const now = useNow()
  const [asks, setAsks] = useState<'rotate' | 'revoke' | null>(null)
  const { id, name, hint, role, expires_at, last_used_at, created_at } = apiKey
  const hasEnded = expires_at !== null && Date.parse(expires_at) < now
  const rotate = async () => {
    onRotated(await ask<ApiKey>('POST', `${KEYS}/${id}/rotate`))
    setAsks(null)
  }
  const revoke = async () => {
    await ask('DELETE', `${KEYS}/${id}`)
    tell('The key was revoked.')
    onGone()
  }
  return (
    <li class="key-row">
      <div class="key-name">
        <strong>{name}</strong>
        <code class="fine">{hint}</code>
      </div>
      <Badge tone="calm">{words(role)}</Badge>
      <span class="fine">
        {last_used_at ? (
          <>
            used <Ago at={last_used_at} />
          </>
        ) : (
          'never used'
        )}
      </span>
      <span class="fine">
        {hasEnded ? <Badge tone="bad">Ended</Badge> : expires_at ? `until ${day(expires_at)}` : 'without an end'} · made{' '}
        {day(created_at)}
      </span>
      {mayChange() && (
        <span class="actions">
          <Button onClick={() => setAsks('rotate')}>Rotate</Button>
          <Button kind="danger" onClick={() => setAsks('revoke')}>
            Revoke
          </Button>
        </span>
      )}
      {asks !== null && (
        <Dialog title={asks === 'rotate' ? `Rotate ${name}?` : `Revoke ${name}?`} onClose={() => setAsks(null)}>
          <p>
            {asks === 'rotate'
              ? 'A new key is made and shown once. The old one ends at once.'
              : 'Programs that use it are refused at once, and their streams end within ten seconds.'}
          </p>
          <div class="dialog-foot">
            <ActionButton kind={asks === 'rotate' ? 'primary' : 'danger'} act={asks === 'rotate' ? rotate : revoke}>
              {asks === 'rotate' ? 'Rotate key' : 'Revoke key'}
            </ActionButton>
            <Button kind="quiet" onClick={() => setAsks(null)}>
              Cancel
            </Button>
          </div>
        </Dialog>
      )}
    </li>
  )
}

import { useState } from 'preact/hooks'
import { ask } from '../../api/api.ts'
import type { Webhook } from '../../api/shapes.ts'
import { ActionButton, Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Select } from '../../parts/field.tsx'
import { tell } from '../../parts/toasts.tsx'
import { go } from '../../router.tsx'
import { SecretDialog } from './secret-dialog.tsx'

interface Props {
  webhook: Webhook
  changed: (how: (before: Webhook) => Webhook) => void
}

export function WebhookActions({ webhook, changed }: Props) {
  const [open, setOpen] = useState<'rotate' | 'delete' | 'pause' | null>(null)
  const path = `/api/v1/webhooks/${webhook.id}`
  const enable = async () => {
    const enabled = await ask<Webhook>('PATCH', path, { body: { active: true } })
    changed(() => enabled)
    tell(enabled.recovery ? 'Enabled. What it missed can be recovered below.' : 'The webhook is enabled.')
  }
  const finish = async () => {
    const finished = await ask<Webhook>('POST', `${path}/rotate-secret/finish`)
    changed(() => finished)
    tell('Only the new secret signs from now on.')
  }
  return (
    <>
      {webhook.active ? (
        <Button onClick={() => setOpen('pause')}>Disable</Button>
      ) : (
        <ActionButton kind="primary" act={enable}>
          Enable
        </ActionButton>
      )}
      {webhook.secret_rotation ? (
        <ActionButton act={finish}>Finish rotation</ActionButton>
      ) : (
        <Button onClick={() => setOpen('rotate')}>Rotate secret</Button>
      )}
      <Button kind="danger" onClick={() => setOpen('delete')}>
        Delete
      </Button>
      {open === 'pause' && <Pause webhook={webhook} changed={changed} onClose={() => setOpen(null)} />}
      {open === 'rotate' && <Rotate webhook={webhook} changed={changed} onClose={() => setOpen(null)} />}
      {open === 'delete' && <Delete webhook={webhook} onClose={() => setOpen(null)} />}
    </>
  )
}

function Pause({ webhook, changed, onClose }: Props & { onClose: () => void }) {
  const disable = async () => {
    const disabled = await ask<Webhook>('PATCH', `/api/v1/webhooks/${webhook.id}`, { body: { active: false } })
    changed(() => disabled)
    tell('The webhook is disabled.')
    onClose()
  }
  return (
    <Dialog title="Disable this webhook?" onClose={onClose}>
      <p>
        Its open deliveries are canceled and nothing is sent until it is enabled. What it misses can be recovered then.
      </p>
      <div class="dialog-foot">
        <ActionButton kind="primary" act={disable}>
          Disable
        </ActionButton>
        <Button kind="quiet" onClick={onClose}>
          Keep it on
        </Button>
      </div>
    </Dialog>
  )
}

function Rotate({ webhook, changed, onClose }: Props & { onClose: () => void }) {
  const [overlap, setOverlap] = useState('86400')
  const [secret, setSecret] = useState<string | null>(null)
  const rotate = async () => {
    const { secret: fresh = '', ...rotated } = await ask<Webhook>(
      'POST',
      `/api/v1/webhooks/${webhook.id}/rotate-secret`,
      {
        body: { overlap_seconds: Number(overlap) },
      },
    )
    changed(() => rotated)
    setSecret(fresh)
  }
  if (secret !== null) {
    return (
      <SecretDialog title="The new secret" what="secret" secret={secret} onClose={onClose}>
        {overlap === '0'
          ? 'It signs alone from now on.'
          : 'Until the overlap ends webhook-signature carries both, so receivers can change over at their own time.'}
      </SecretDialog>
    )
  }
  return (
    <Dialog title="Rotate the secret" onClose={onClose}>
      <Select
        label="The old secret goes on signing for"
        value={overlap}
        onValue={setOverlap}
        options={[
          ['3600', 'one hour'],
          ['86400', 'one day'],
          ['604800', 'seven days'],
          ['0', 'no time: it has leaked'],
        ]}
      />
      <div class="dialog-foot">
        <ActionButton kind="primary" act={rotate}>
          Make a new secret
        </ActionButton>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </Dialog>
  )
}

function Delete({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const remove = async () => {
    await ask('DELETE', `/api/v1/webhooks/${webhook.id}`)
    tell('The webhook was deleted.')
    go('/webhooks')
  }
  return (
    <Dialog title="Delete this webhook?" onClose={onClose}>
      <p>
        <code>{webhook.url}</code> gets nothing any more, and its deliveries are not shown again. This cannot be undone.
      </p>
      <div class="dialog-foot">
        <ActionButton kind="danger" act={remove}>
          Delete webhook
        </ActionButton>
        <Button kind="quiet" onClick={onClose}>
          Keep it
        </Button>
      </div>
    </Dialog>
  )
}

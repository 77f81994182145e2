import { useEffect, useState } from 'preact/hooks'
import { ask } from '../../api/api.ts'
import type { Page, Recovery } from '../../api/shapes.ts'
import { useResource } from '../../api/use-resource.ts'
import { clock, count, words } from '../../format.ts'
import { StatusBadge } from '../../parts/badge.tsx'
import { ActionButton, Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Select, TextField } from '../../parts/field.tsx'
import { Card } from '../../parts/page.tsx'
import { Shown } from '../../parts/states.tsx'
import { Ago, useNow } from '../../parts/time.tsx'
import { tell } from '../../parts/toasts.tsx'
import { mayChange } from '../../session/session.ts'

const READ_EVERY_MS = 2_000

/** Bulk recovery: what failed in a span of time, or was missed in it, is opened again, and how far that has come. */
export function Recoveries({ webhookId }: { webhookId: string }) {
  const path = `/api/v1/webhooks/${webhookId}/recoveries`
  const recoveries = useResource(
    async (signal) =>
      (await ask<Page<'recoveries', Recovery>>('GET', path, { query: { limit: 5 }, signal })).recoveries,
    [webhookId],
  )
  const [isOpen, setOpen] = useState(false)
  const isUnderWay = recoveries.value?.some(({ status }) => isRunning(status)) ?? false
  const { reload } = recoveries
  useEffect(() => {
    if (!isUnderWay) return
    const timer = setInterval(reload, READ_EVERY_MS)
    return () => clearInterval(timer)
  }, [isUnderWay, reload])
  return (
    <Card title="Recovery" actions={mayChange() && <Button onClick={() => setOpen(true)}>Recover …</Button>}>
      <Shown resource={recoveries} rows={1}>
        {(list) =>
          list.length === 0 ? (
            <p class="muted">
              Opens again what failed in a span of time, or what was missed while the webhook was off.
            </p>
          ) : (
            <ul class="stack">
              {list.map((recovery) => (
                <Row key={recovery.id} recovery={recovery} onStopped={reload} />
              ))}
            </ul>
          )
        }
      </Shown>
      {isOpen && <Start webhookId={webhookId} onClose={() => setOpen(false)} onStarted={reload} />}
    </Card>
  )
}

export function isRunning(status: string): boolean {
  return status === 'running'
}

function Row({ recovery, onStopped }: { recovery: Recovery; onStopped: () => void }) {
  const now = useNow()
  const { id, recovers, since, until, status, progress, recovered, skipped, reason, created_at } = recovery
  const stop = async () => {
    await ask('DELETE', `/api/v1/recoveries/${id}`)
    onStopped()
  }
  return (
    <li class="recovery">
      <div class="inline spread">
        <span>
          {words(recovers)} from {clock(since, now)} to {clock(until, now)}
        </span>
        <span class="inline">
          <StatusBadge status={status} />
          {isRunning(status) && mayChange() && <ActionButton act={stop}>Stop</ActionButton>}
        </span>
      </div>
      <progress max={1} value={progress} aria-label="Progress of the recovery" />
      <p class="fine num">
        {count(recovered)} opened again{skipped > 0 ? `, ${count(skipped)} skipped` : ''} · begun{' '}
        <Ago at={created_at} />
        {reason ? ` · ${reason}` : ''}
      </p>
    </li>
  )
}

const SPANS = [
  ['1', 'the last hour'],
  ['24', 'the last day'],
  ['168', 'the last seven days'],
  ['720', 'the last 30 days'],
  ['', 'a time of my own'],
] as const

function Start({ webhookId, onClose, onStarted }: { webhookId: string; onClose: () => void; onStarted: () => void }) {
  const [status, setStatus] = useState('failed')
  const [hours, setHours] = useState('24')
  const [since, setSince] = useState('')
  const start = async () => {
    const from = hours === '' ? new Date(since) : new Date(Date.now() - Number(hours) * 3_600_000)
    if (Number.isNaN(from.getTime())) throw new Error('Say from when on.')
    await ask('POST', `/api/v1/webhooks/${webhookId}/recover`, { body: { since: from.toISOString(), status } })
    tell('The recovery has begun.')
    onStarted()
    onClose()
  }
  return (
    <Dialog title="Recover deliveries" onClose={onClose}>
      <div class="stack">
        <Select
          label="Recover"
          value={status}
          onValue={setStatus}
          options={[
            ['failed', 'deliveries that failed'],
            ['missing', 'events missed while it was off'],
          ]}
        />
        <Select label="Of" value={hours} onValue={setHours} options={SPANS} />
        {hours === '' && <TextField label="From" type="datetime-local" value={since} onValue={setSince} required />}
      </div>
      <div class="dialog-foot">
        <ActionButton kind="primary" act={start}>
          Start recovery
        </ActionButton>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </Dialog>
  )
}

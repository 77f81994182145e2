import type { Database } from '../../src/db/database.ts'
import { createSecretBox } from '../../src/db/secret-box.ts'
import { type ClaimAttempt, createClaim } from '../../src/deliveries/claim.ts'
import { takeDue, takeLost } from '../../src/deliveries/feed.ts'
import { createLeases } from '../../src/deliveries/leases.ts'
import { createRecord, type RecordAttempt } from '../../src/deliveries/record.ts'
import { retryDelivery } from '../../src/deliveries/retry-delivery.ts'
import { insertEvents } from '../../src/events/insert-events.ts'
import { disableIfFailed } from '../../src/webhooks/failing-webhooks.ts'
import { changeWebhook, removeWebhook } from '../../src/webhooks/manage-webhooks.ts'
import { lockWebhook } from '../../src/webhooks/webhook-store.ts'
import { BY_TEST } from './author.ts'
import type { Job } from './delivery-model.ts'
import { makeWebhook, newEvent } from './rows.ts'

export const WORKERS = ['one', 'two'] as const

/** The real functions on a real database, for one webhook that nobody else uses. */
export interface DeliveryWorld {
  webhookId: string
  accept(): Promise<string[]>
  feed(): Promise<Job[]>
  claim: Record<string, ClaimAttempt>
  record: Record<string, RecordAttempt>
  renew(worker: string, deliveryIds: readonly string[]): Promise<void>
  retry(deliveryId: string): Promise<void>
  setActive(active: boolean): Promise<void>
  /** @returns whether it was turned off */
  disableIfGone(): Promise<boolean>
  remove(): Promise<void>
  /** Lets time pass for some of the open work. */
  age(column: 'lease_until' | 'fed_until' | 'due_at', deliveryIds: readonly string[]): Promise<void>
  state(): Promise<WorldState>
}

export interface WorldState {
  deliveries: { id: string; event: string; status: string; attempt: number }[]
  attempts: { delivery: string; attempt: number; status: string; worker: string }[]
  due: { delivery: string; attempt: number; max: number; unknowns: number; worker: string | null; leased: boolean }[]
  stats: { delivery_count: number; success_count: number; failure_count: number } | null
}

const OWNER = { userId: 'alice', seesAll: false }
const UNLIMITED = { perWebhook: 1_000, perUser: 0, probeEveryMs: 1_000, room: { quick: 1_000, slow: 1_000 } }
const NEVER = { disableAfterSeconds: 1_000_000, disableAfterFailures: 1_000_000 }
const LIMITS = { limits: { webhooks: { free: 1, pro: 1, enterprise: 1 } }, maxAttempts: 3 }

export async function openWorld(db: Database): Promise<DeliveryWorld> {
  const webhookId = await makeWebhook(db, { secret: Buffer.from('sealed') })
  const secrets = createSecretBox([{ id: 'k', key: Buffer.alloc(32) }])
  const manage = { db, secrets, ...LIMITS }
  const forEach = <T>(make: (worker: string) => T) => Object.fromEntries(WORKERS.map((name) => [name, make(name)]))
  const idsOf = (text: string, values: unknown[]) => db.query<{ id: string }>({ text, values })
  /** Holds last until a step ends them, however slow the machine is. */
  const hold = () =>
    db.query({
      text: `UPDATE due SET lease_until = CASE WHEN lease_until > now() THEN now() + interval '1 day' ELSE lease_until END,
               fed_until = CASE WHEN fed_until > now() THEN now() + interval '1 day' ELSE fed_until END WHERE webhook_id = $1`,
      values: [webhookId],
    })
  return {
    webhookId,
    async accept() {
      const event = newEvent()
      await insertEvents(db, [event])
      return (
        await idsOf('SELECT id FROM deliveries WHERE event_id = $1 AND webhook_id = $2', [event.id, webhookId])
      ).map(({ id }) => id)
    },
    async feed() {
      const fed = [...((await takeDue(db, UNLIMITED)) ?? []), ...(await takeLost(db, 1_000))]
      await hold()
      return fed.map(({ deliveryId, attempt }) => ({ deliveryId, attempt }))
    },
    claim: forEach((worker) => {
      const claim = createClaim({ db, worker })
      return async (job) => {
        const claimed = await claim(job)
        await hold()
        return claimed
      }
    }),
    record: forEach((worker) => createRecord({ db, worker })),
    async renew(worker, deliveryIds) {
      const leases = createLeases({ db, worker })
      for (const id of deliveryIds) leases.hold(id)
      await leases.renew()
      await hold()
    },
    retry: (deliveryId) =>
      db.transaction(async (sql) => {
        const webhook = await lockWebhook(sql, OWNER, webhookId)
        if (webhook) await retryDelivery(sql, webhook, deliveryId)
      }),
    setActive: async (active) => void (await changeWebhook(manage, OWNER, BY_TEST, webhookId, { active })),
    disableIfGone: async () => (await disableIfFailed(db, NEVER, webhookId)) !== null,
    remove: () => removeWebhook({ db }, OWNER, BY_TEST, webhookId),
    async age(column, deliveryIds) {
      const text = `UPDATE due SET ${column} = now() - interval '1 second' WHERE ${column} IS NOT NULL AND delivery_id = ANY ($1)`
      await db.query({ text, values: [deliveryIds] })
    },
    async state() {
      const [row] = await db.query<WorldState>({ name: 'world-state', text: STATE, values: [webhookId] })
      if (!row) throw new Error('No state')
      return row
    },
  }
}

const STATE = `
  WITH logged AS (SELECT id, event_id, status, attempt FROM deliveries WHERE webhook_id = $1)
  SELECT
    (SELECT coalesce(json_agg(json_build_object('id', id, 'event', event_id, 'status', status, 'attempt', attempt)), '[]')
     FROM logged) AS deliveries,
    (SELECT coalesce(json_agg(json_build_object('delivery', delivery_id, 'attempt', attempt, 'status', status, 'worker', worker)
       ORDER BY delivery_id, attempt), '[]')
     FROM attempts WHERE delivery_id = ANY (ARRAY(SELECT id FROM logged))) AS attempts,
    (SELECT coalesce(json_agg(json_build_object('delivery', delivery_id, 'attempt', attempt, 'max', max_attempts,
       'unknowns', unknowns, 'worker', worker, 'leased', coalesce(lease_until > now(), false))), '[]')
     FROM due WHERE webhook_id = $1) AS due,
    (SELECT json_build_object('delivery_count', delivery_count, 'success_count', success_count, 'failure_count', failure_count)
     FROM webhook_stats WHERE webhook_id = $1) AS stats`

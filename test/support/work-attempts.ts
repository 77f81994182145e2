import { randomBytes } from 'node:crypto'
import type { Database } from '../../src/db/database.ts'
import { createSecretBox, type SecretBox } from '../../src/db/secret-box.ts'
import { createClaim } from '../../src/deliveries/claim.ts'
import { createLeases } from '../../src/deliveries/leases.ts'
import type { AttemptDeps, Attempted } from '../../src/deliveries/make-attempt.ts'
import { type AttemptResult, createRecord } from '../../src/deliveries/record.ts'
import { createSender, type Sender } from '../../src/deliveries/send.ts'
import { insertEvents } from '../../src/events/insert-events.ts'
import { uuidv7 } from '../../src/ids.ts'
import { disableIfFailed } from '../../src/webhooks/failing-webhooks.ts'
import { insertWebhook } from '../../src/webhooks/webhook-store.ts'
import { newEvent } from './rows.ts'

const key = randomBytes(32)
/** The setting under which the webhooks stored here can be opened. */
export const SECRETS_KEY = `test:${key.toString('base64')}`
const secretBox: SecretBox = createSecretBox([{ id: 'test', key }])
export const SECRET = 'a secret of the tests'
/** When a webhook is turned off, as by default. */
export const FAILING = { disableAfterSeconds: 432_000, disableAfterFailures: 10 }
/** No randomness: delays are 1 s, 4 s, 16 s. */
export const RETRY = { baseMs: 1_000, capMs: 60_000 }

/** One worker's part in an attempt, on real resources; `attempted` and `errors` collect what it reports. */
export function attemptingWorker(db: Database, worker: string, fields: Partial<AttemptDeps> = {}) {
  const attempted: Attempted[] = []
  const errors: unknown[] = []
  const leases = createLeases({ db, worker })
  const sender: Sender = createSender({ allowCidrs: ['127.0.0.0/8'] })
  const deps: AttemptDeps = {
    claim: createClaim({ db, worker }),
    record: createRecord({ db, worker }),
    leases,
    sender,
    secrets: secretBox,
    retry: RETRY,
    timeoutMs: 2_000,
    version: '1.2.3',
    random: () => 0,
    onGone: async (webhookId) => void (await disableIfFailed(db, FAILING, webhookId)),
    onAttempt: (one) => void attempted.push(one),
    onError: (error) => void errors.push(error),
    ...fields,
  }
  return { deps, leases, attempted, errors, close: () => sender.close() }
}

/** A webhook with sealed secrets, as the API stores it. */
export async function storeWebhook(
  db: Database,
  fields: Partial<{ url: string; headers: Record<string, string>; maxAttempts: number; symbols: string[] }> = {},
): Promise<string> {
  const id = uuidv7()
  const webhook = {
    id,
    user_id: 'alice',
    url: fields.url ?? 'https://receiver.example/hook',
    events: ['*'],
    symbols: fields.symbols ?? null,
    secret: secretBox.seal(SECRET, id),
    headers: fields.headers ? secretBox.seal(JSON.stringify(fields.headers), id) : null,
    header_names: Object.keys(fields.headers ?? {}),
    description: null,
    active: true,
    signature_style: 'canonical' as const,
    max_attempts: fields.maxAttempts ?? 3,
  }
  await db.transaction((sql) => insertWebhook(sql, webhook, 1_000_000))
  return id
}

/** An event with its deliveries. @returns the id of its only delivery */
export async function openDelivery(db: Database): Promise<string> {
  const event = newEvent()
  await insertEvents(db, [event])
  const [row] = await db.query<{ id: string }>({
    text: 'SELECT id FROM deliveries WHERE event_id = $1',
    values: [event.id],
  })
  if (!row) throw new Error('The event has no delivery')
  return row.id
}

/** What an attempt came to, with what the test cares about. */
export function attemptResult(fields: Partial<AttemptResult> & { deliveryId: string; attempt: number }): AttemptResult {
  return {
    status: 'success',
    retryInMs: null,
    requestHeaders: '{}',
    responseCode: 200,
    responseHeaders: Buffer.from('{}'),
    responseBody: Buffer.from('ok'),
    error: null,
    errorMessage: null,
    durationMs: 5,
    ...fields,
  }
}

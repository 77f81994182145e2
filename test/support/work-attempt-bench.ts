import assert from 'node:assert/strict'
import type { Database } from '../../src/db/database.ts'
import { findDelivery, listAttempts } from '../../src/deliveries/delivery-log.ts'
import { type AttemptDeps, makeAttempt } from '../../src/deliveries/make-attempt.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { attemptingWorker, openDelivery, storeWebhook } from './work-attempts.ts'
import { type RawReceiver, startRawReceiver, startRawServer } from './work-raw-receiver.ts'

type Respond = Parameters<typeof startRawReceiver>[0]

/** What a suite of attempts stands on: a database, the worker `one`, receivers, and the delivery of the test. */
export function openAttemptBench() {
  let database: TestDatabase
  let worker: ReturnType<typeof attemptingWorker>
  let webhookId = ''
  const closers: (() => unknown)[] = []

  before(async () => {
    database = await createDatabase()
  })
  after(() => database.drop())
  beforeEach(async () => {
    await database.db.query({ text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, attempts, events' })
    worker = newWorker('one')
  })
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })

  function newWorker(name: string, fields: Partial<AttemptDeps> = {}) {
    const made = attemptingWorker(database.db, name, fields)
    closers.push(() => made.close())
    return made
  }

  async function rawReceiver(respond: Respond): Promise<RawReceiver> {
    const receiver = await startRawReceiver(respond)
    closers.push(() => receiver.close())
    return receiver
  }

  async function rawServer(onSocket: Parameters<typeof startRawServer>[0]) {
    const server = await startRawServer(onSocket)
    closers.push(() => server.close())
    return server
  }

  return {
    db: (): Database => database.db,
    worker: () => worker,
    webhookId: () => webhookId,
    newWorker,
    rawReceiver,
    rawServer,

    /** The worker's attempt of that number. */
    make: (deliveryId: string, attempt: number, signal = new AbortController().signal) =>
      makeAttempt(worker.deps, { deliveryId, attempt }, signal),

    /** A delivery owed to a webhook of its own whose receiver answers so. */
    async owedTo(
      respond: Respond | Pick<RawReceiver, 'url'>,
      fields: Parameters<typeof storeWebhook>[1] = {},
    ): Promise<string> {
      const receiver = typeof respond === 'function' ? await rawReceiver(respond) : respond
      webhookId = await storeWebhook(database.db, { url: receiver.url, ...fields })
      return openDelivery(database.db)
    },

    async shown(deliveryId: string) {
      const delivery = await findDelivery(database.db, webhookId, deliveryId)
      assert.ok(delivery)
      return delivery
    },

    async statuses(deliveryId: string): Promise<string[]> {
      return (await listAttempts(database.db, deliveryId)).map((attempt) => attempt.status)
    },

    async expireLease(): Promise<void> {
      await database.db.query({ text: "UPDATE due SET lease_until = now() - interval '1 second'" })
    },
  }
}

/** The bytes of an answer without a body. */
export function answer(status: number, headers = ''): string {
  return `HTTP/1.1 ${status} Whatever\r\n${headers}Content-Length: 0\r\n\r\n`
}

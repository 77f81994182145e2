import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type AcceptEvents, createAcceptance } from '../../../src/events/accept-events.ts'
import type { NewEvent } from '../../../src/events/new-event.ts'
import { HOLE, type Submission } from '../../../src/events/store-submissions.ts'
import { uuidv7 } from '../../../src/ids.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { makeWebhook, newEvent } from '../../support/rows.ts'

describe('accepting events', () => {
  let database: TestDatabase
  let accept: AcceptEvents

  before(async () => {
    database = await createDatabase()
    accept = createAcceptance({ db: database.db })
  })
  after(() => database.drop())
  beforeEach(async () => {
    await database.db.query({
      text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, events, idempotency_keys, announcements',
    })
  })

  it('stores the event, a delivery for every webhook that subscribes to it, and their open work', async () => {
    const all = await makeWebhook(database.db)
    const typed = await makeWebhook(database.db, { events: ['model_trained', 'prediction_complete'] })
    const symbol = await makeWebhook(database.db, { symbols: ['AAPL'] })
    await makeWebhook(database.db, { events: ['model_trained'] })
    await makeWebhook(database.db, { symbols: ['MSFT'] })
    await makeWebhook(database.db, { active: false })
    const { deliveries } = await accept(submit([newEvent()]))
    assert.equal(deliveries, 3)
    assert.deepEqual(await column('SELECT webhook_id AS value FROM deliveries'), [all, typed, symbol].sort())
    assert.deepEqual(await column('SELECT webhook_id AS value FROM due'), [all, typed, symbol].sort())
  })

  it('owes an event with a user_id to that user only, and one without a symbol to no webhook that names symbols', async () => {
    const own = await makeWebhook(database.db, { user_id: 'alice' })
    await makeWebhook(database.db, { user_id: 'bob' })
    await makeWebhook(database.db, { user_id: 'alice', symbols: ['AAPL'] })
    await accept(submit([newEvent({ userId: 'alice', symbol: null })]))
    assert.deepEqual(await column('SELECT webhook_id AS value FROM deliveries'), [own])
  })

  it('counts the deliveries of each event of a batch apart', async () => {
    await makeWebhook(database.db, { symbols: ['MSFT'] })
    const events = [newEvent(), newEvent({ symbol: 'MSFT' }), newEvent()]
    const answer = { status: 202, body: `[${HOLE},${HOLE},${HOLE}]` }
    assert.equal((await accept({ events, answer })).body, '[0,1,0]')
    const { use } = submit([], { key: 'counts', body: 'b' })
    const again = () => events.map((event) => ({ ...event, id: uuidv7() }))
    for (const replayed of [false, true]) {
      const found = await accept({ events: again(), answer, ...(use ? { use } : {}) })
      assert.deepEqual([found.body, found.replayed], ['[0,1,0]', replayed])
    }
  })

  it('refuses an event id that is taken without failing its neighbours', async () => {
    const taken = newEvent()
    await accept(submit([taken]))
    const [first, second, third] = await Promise.allSettled([
      accept(submit([newEvent()])),
      accept(submit([newEvent(), newEvent({ id: taken.id })])),
      accept(submit([newEvent()])),
    ])
    assert.equal(first.status, 'fulfilled')
    assert.equal(third.status, 'fulfilled')
    assert.equal(second.status, 'rejected')
    assert.equal(second.reason.status, 409)
    assert.equal((await column('SELECT id AS value FROM events')).length, 3)
  })

  it('answers the same key and body with the stored answer, whether asked later or at once', async () => {
    const keyed = () => submit([newEvent()], { key: 'k1', body: 'same' })
    const answers = await Promise.all([accept(keyed()), accept(keyed()), accept(keyed())])
    answers.push(await accept(keyed()))
    assert.equal(new Set(answers.map((answer) => answer.body)).size, 1)
    assert.deepEqual(
      answers.map((answer) => answer.replayed),
      [false, true, true, true],
    )
    assert.equal((await column('SELECT id AS value FROM events')).length, 1)
  })

  it('refuses a key that comes back with another body', async () => {
    await accept(submit([newEvent()], { key: 'k2', body: 'one' }))
    await assert.rejects(accept(submit([newEvent()], { key: 'k2', body: 'other' })), { code: 'idempotency_key_reused' })
  })

  it('keeps the keys of two principals and of two routes apart', async () => {
    await accept(submit([newEvent()], { key: 'k3', body: 'one' }))
    await accept(submit([newEvent()], { key: 'k3', body: 'two', principal: 'bob' }))
    await accept(submit([newEvent()], { key: 'k3', body: 'three', route: 'POST /other' }))
    assert.equal((await column('SELECT id AS value FROM events')).length, 3)
  })

  it('does not take a key when what it came with was refused', async () => {
    const taken = newEvent()
    await accept(submit([taken]))
    await assert.rejects(accept(submit([taken], { key: 'k4', body: 'x' })), { status: 409 })
    assert.deepEqual(await column('SELECT key AS value FROM idempotency_keys'), [])
  })

  it('makes a duplicate wait for the first request in another process, then gives it that answer', async () => {
    const other = createAcceptance({ db: database.db })
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? accept : other)(submit([newEvent()], { key: 'k5', body: 'b' })),
      ),
    )
    assert.equal(results.filter((result) => !result.replayed).length, 1)
    assert.equal(new Set(results.map((result) => result.body)).size, 1)
    assert.equal((await column('SELECT id AS value FROM events')).length, 1)
  })

  it('owes an announcement for an event that is streamed and for no other', async () => {
    const streamed = newEvent({ streamed: true })
    await accept(submit([streamed, newEvent()]))
    assert.deepEqual(await column('SELECT event_id AS value FROM announcements'), [streamed.id])
  })

  async function column(text: string): Promise<string[]> {
    const rows = await database.db.query<{ value: string }>({ text })
    return rows.map((row) => row.value).sort()
  }
})

function submit(
  events: NewEvent[],
  use?: { key: string; body: string; principal?: string; route?: string },
): Submission {
  const submission = { events, answer: { status: 202, body: JSON.stringify({ answered: uuidv7() }) } }
  if (!use) return submission
  const { key, body, principal = 'producer', route = 'POST /api/v1/events' } = use
  return { ...submission, use: { principal, route, key, bodySha256: createHash('sha256').update(body).digest() } }
}

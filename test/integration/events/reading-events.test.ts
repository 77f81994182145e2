import assert from 'node:assert/strict'
import { makeWebhook } from '../../support/rows.ts'
import { type Answer, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const EVENTS = '/api/v1/events'
const ALERT = { event_type: 'alert_triggered', data: { symbol: 'AAPL', message: 'moved' } }

describe('events that are read', () => {
  let system: WebSystem
  let producer: string
  before(async () => {
    system = await startWebSystem()
    producer = system.token('models', 'producer')
  })
  after(() => system.stop())

  const post = (body: unknown, headers: Record<string, string> = {}) =>
    system.call('POST', EVENTS, { token: producer, body, headers })
  const read = (path: string, sub = 'alice', role: 'user' | 'producer' | 'admin' = 'user') =>
    system.call('GET', `${EVENTS}${path}`, { token: system.token(sub, role) })

  const ids = ({ body }: Answer): string[] => body.events.map((event: { event_id: string }) => event.event_id)
  const postOne = async (fields: object = {}): Promise<string> => (await post({ ...ALERT, ...fields })).body.event_id
  const forSymbol = (symbol: string) => ({ data: { symbol, message: 'm' } })

  it('are public, or shown to their user and to admins only', async () => {
    const symbol = 'OWN'
    const [everybodys, alices, bobs] = [
      await postOne(forSymbol(symbol)),
      await postOne({ ...forSymbol(symbol), user_id: 'alice' }),
      await postOne({ ...forSymbol(symbol), user_id: 'bob' }),
    ]
    const seen = async (sub: string, role: 'user' | 'admin') => ids(await read(`?symbol=${symbol}`, sub, role)).sort()
    assert.deepEqual(await seen('alice', 'user'), [everybodys, alices].sort())
    assert.deepEqual(await seen('carol', 'user'), [everybodys])
    assert.deepEqual(await seen('root', 'admin'), [everybodys, alices, bobs].sort())
    assert.equal((await read(`/${bobs}`, 'bob')).body.user_id, 'bob')
    assert.equal((await read(`/${everybodys}`)).body.user_id, undefined)
    assert.equal((await read(`/${bobs}`)).status, 404)
    assert.equal((await read(`/${bobs}`, 'root', 'admin')).status, 200)
  })

  it('are shown to who published them, without the deliveries of whom they were for', async () => {
    const symbol = 'SENT'
    await system.call('POST', '/api/v1/webhooks', {
      token: system.token('alice'),
      body: { url: 'https://receiver.example.org/', events: ['alert_triggered'], symbols: [symbol] },
    })
    const id = await postOne({ ...forSymbol(symbol), user_id: 'alice' })
    for (const role of ['producer', 'user'] as const) {
      assert.deepEqual(ids(await read(`?symbol=${symbol}`, 'models', role)), [id])
      const { status, body } = await read(`/${id}`, 'models', role)
      assert.deepEqual([status, body.user_id, body.deliveries], [200, 'alice', []])
    }
    assert.equal((await read(`/${id}`, 'alice')).body.deliveries.length, 1)
    const others = await read(`?symbol=${symbol}`, 'other-producer', 'producer')
    assert.deepEqual([ids(others), (await read(`/${id}`, 'other-producer', 'producer')).status], [[], 404])
  })

  it('are filtered by type, symbol and time', async () => {
    const before = new Date()
    const first = await postOne(forSymbol('FIRST'))
    await new Promise((resolve) => setTimeout(resolve, 5))
    const between = new Date()
    const second = await postOne(forSymbol('^SECOND'))
    const error = (await post({ event_type: 'system_error', data: { message: 'm' } })).body.event_id
    const since = `since=${before.toISOString()}`
    assert.deepEqual(ids(await read('?symbol=first')), [first])
    assert.deepEqual(ids(await read('?symbol=%5Esecond')), [second])
    assert.deepEqual(ids(await read(`?${since}&event_type=system_error`)), [error])
    assert.deepEqual(ids(await read(`?${since}&until=${between.toISOString()}`)), [first])
    assert.deepEqual(ids(await read(`?since=${between.toISOString()}&event_type=alert_triggered&symbol=%5ESECOND`)), [
      second,
    ])
    assert.deepEqual(ids(await read(`?since=${encodeURIComponent('2999-01-01T00:00:00+01:00')}`)), [])
    assert.deepEqual(ids(await read('?until=0001-01-01T00:00:00Z')), [])
  })

  it('are paged without holes or repeats, also when they came in one batch', async () => {
    const batch = Array.from({ length: 45 }, () => ({ ...ALERT, ...forSymbol('PAGED') }))
    const posted = await system.call('POST', `${EVENTS}/batch`, { token: producer, body: batch })
    const all: string[] = posted.body.events.map((event: { event_id: string }) => event.event_id)
    const pages: string[][] = []
    for (let query: string | null = '?symbol=PAGED'; query !== null; ) {
      const answer = await read(query)
      pages.push(ids(answer))
      const { next_cursor } = answer.body
      query = next_cursor === null ? null : `?symbol=PAGED&cursor=${next_cursor}`
    }
    assert.deepEqual(
      pages.map((page) => page.length),
      [20, 20, 5],
    )
    assert.deepEqual(pages.flat(), all.sort().reverse())
    assert.equal((await read('?symbol=PAGED&limit=45')).body.next_cursor, null)
    const events = await read('?symbol=PAGED&limit=1')
    assert.deepEqual(Object.keys(events.body), ['events', 'next_cursor'])
  })

  it('show their deliveries to the webhooks of the caller, and all of them to admins', async () => {
    const [alices, bobs] = [
      await makeWebhook(system.db, { user_id: 'alice' }),
      await makeWebhook(system.db, { user_id: 'bob' }),
    ]
    const id = await postOne()
    const webhooks = async (sub: string, role: 'user' | 'admin' = 'user') =>
      (await read(`/${id}`, sub, role)).body.deliveries.map((one: { webhook_id: string }) => one.webhook_id)
    assert.deepEqual(await webhooks('alice'), [`wh_${alices}`])
    assert.deepEqual(await webhooks('carol'), [])
    assert.deepEqual((await webhooks('root', 'admin')).sort(), [`wh_${alices}`, `wh_${bobs}`].sort())
    const [delivery] = (await read(`/${id}`)).body.deliveries
    const { created_at, id: deliveryId, ...shown } = delivery
    assert.match(deliveryId, /^dlv_/)
    assert.match(created_at, /Z$/)
    assert.deepEqual(shown, {
      ...{ webhook_id: `wh_${alices}`, event_id: id, event_type: 'alert_triggered', status: 'pending', attempt: 0 },
      ...{ max_attempts: 3, response_code: null, response_body: null, error: null, error_message: null },
      ...{ duration_ms: null, delivered_at: null, next_retry_at: null, held_back_until: null, test: false },
    })
  })
})

import assert from 'node:assert/strict'
import { publicId, uuidv7 } from '../../../src/ids.ts'
import { type Answer, type Call, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const WEBHOOKS = '/api/v1/webhooks'
const KEYS = '/api/v1/auth/api-keys'

type Ids = Record<'webhook' | 'delivery' | 'event' | 'key' | 'recovery', string>

/** Every route that names a thing of an owner's, with a body where it takes one. */
const ROUTES: [method: string, path: (ids: Ids) => string, body?: object][] = [
  ['GET', ({ webhook }) => `${WEBHOOKS}/${webhook}`],
  ['PATCH', ({ webhook }) => `${WEBHOOKS}/${webhook}`, { active: false }],
  ['DELETE', ({ webhook }) => `${WEBHOOKS}/${webhook}`],
  ['POST', ({ webhook }) => `${WEBHOOKS}/test?webhook_id=${webhook}`],
  ['POST', ({ webhook }) => `${WEBHOOKS}/${webhook}/rotate-secret`],
  ['POST', ({ webhook }) => `${WEBHOOKS}/${webhook}/rotate-secret/finish`],
  ['GET', ({ webhook }) => `${WEBHOOKS}/${webhook}/deliveries`],
  ['GET', ({ webhook, delivery }) => `${WEBHOOKS}/${webhook}/deliveries/${delivery}`],
  ['POST', ({ webhook, delivery }) => `${WEBHOOKS}/${webhook}/deliveries/${delivery}/retry`],
  ['POST', ({ webhook }) => `${WEBHOOKS}/${webhook}/recover`, { since: '2026-01-01T00:00:00Z' }],
  ['GET', ({ webhook }) => `${WEBHOOKS}/${webhook}/recoveries`],
  ['GET', ({ recovery }) => `/api/v1/recoveries/${recovery}`],
  ['DELETE', ({ recovery }) => `/api/v1/recoveries/${recovery}`],
  ['GET', ({ event }) => `/api/v1/events/${event}`],
  ['DELETE', ({ key }) => `${KEYS}/${key}`],
  ['POST', ({ key }) => `${KEYS}/${key}/rotate`],
]

describe('what belongs to somebody else', () => {
  let system: WebSystem
  let alice: Call
  let bob: Call
  let alices: Ids
  let bobsWebhook: string
  const missing: Ids = {
    webhook: publicId('wh', uuidv7()),
    delivery: publicId('dlv', uuidv7()),
    event: publicId('evt', uuidv7()),
    key: publicId('key', uuidv7()),
    recovery: publicId('rcv', uuidv7()),
  }

  before(async () => {
    system = await startWebSystem()
    alice = { token: system.token('alice') }
    bob = { token: system.token('bob', 'producer') }
    const body = { url: 'https://receiver.example.org/', events: ['*'] }
    const make = async (path: string, call: Call) => (await system.call('POST', path, call)).body
    const webhook = (await make(WEBHOOKS, { ...alice, body })).id
    bobsWebhook = (await make(WEBHOOKS, { ...bob, body })).id
    const event = await make('/api/v1/events', {
      token: system.token('models', 'producer'),
      body: { event_type: 'system_error', data: { message: 'm' }, user_id: 'alice' },
    })
    const [delivery] = (await system.call('GET', `${WEBHOOKS}/${webhook}/deliveries`, alice)).body.deliveries
    const key = (await make(KEYS, { ...alice, body: { name: 'k' } })).id
    const since = new Date(Date.now() - 3_600_000).toISOString()
    const recovery = (await make(`${WEBHOOKS}/${webhook}/recover`, { ...alice, body: { since } })).id
    alices = { webhook, event: event.event_id, delivery: delivery.id, key, recovery }
  })
  after(() => system.stop())

  /** All of an answer but what no two answers share. */
  function comparable({ status, headers, body }: Answer) {
    const { timestamp: _at, request_id: _id, ...rest } = body
    const shown = [...headers].filter(([name]) => !['x-request-id', 'date', 'content-length'].includes(name))
    return { status, headers: shown, ...rest }
  }

  for (const [method, path, body] of ROUTES) {
    const name = path({ webhook: '{id}', delivery: '{delivery_id}', event: '{id}', key: '{id}', recovery: '{id}' })
    it(`looks for ${method} ${name} like what does not exist`, async () => {
      const call = { ...bob, ...(body ? { body } : {}) }
      const theirs = comparable(await system.call(method, path(alices), call))
      const none = comparable(await system.call(method, path(missing), call))
      assert.deepEqual([theirs.status, theirs['error']], [404, 'not_found'])
      assert.deepEqual(theirs, none)
    })
  }

  it('looks the same to whoever asks by a webhook of their own', async () => {
    for (const [method, end] of [
      ['GET', ''],
      ['POST', '/retry'],
    ] as const) {
      const ask = async (ids: Ids) => {
        const path = `${WEBHOOKS}/${bobsWebhook}/deliveries/${ids.delivery}${end}`
        return comparable(await system.call(method, path, bob))
      }
      const theirs = await ask(alices)
      assert.equal(theirs.status, 404)
      assert.deepEqual(theirs, await ask(missing))
    }
  })

  it('is still there and unchanged for its owner afterwards', async () => {
    const webhook = await system.call('GET', `${WEBHOOKS}/${alices.webhook}`, alice)
    assert.deepEqual([webhook.status, webhook.body.active], [200, true])
    const path = `${WEBHOOKS}/${alices.webhook}/deliveries/${alices.delivery}`
    const delivery = await system.call('GET', path, alice)
    assert.deepEqual([delivery.status, delivery.body.status], [200, 'pending'])
    assert.equal((await system.call('GET', `/api/v1/events/${alices.event}`, alice)).status, 200)
    const recovery = await system.call('GET', `/api/v1/recoveries/${alices.recovery}`, alice)
    assert.deepEqual([recovery.status, recovery.body.status], [200, 'running'])
    assert.equal((await system.call('GET', KEYS, alice)).body.api_keys[0].id, alices.key)
  })

  it('is not in any list of theirs', async () => {
    for (const path of [WEBHOOKS, '/api/v1/events', KEYS]) {
      const { text } = await system.call('GET', path, bob)
      for (const id of Object.values(alices)) assert.ok(!text.includes(id), `${id} in ${path}`)
    }
  })
})

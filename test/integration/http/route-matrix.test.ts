import assert from 'node:assert/strict'
import { ROLES } from '../../../src/identity/principal.ts'
import { publicId, uuidv7 } from '../../../src/ids.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestReceiver, type TestReceiver } from '../../support/receiver.ts'
import { routeDefinitions } from '../../support/route-definitions.ts'
import { type Entry, MATRIX, MAY, type Things } from '../../support/route-matrix.ts'
import { openClient } from '../../support/stream-client.ts'
import { type Answer, type Call, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const WEBHOOKS = '/api/v1/webhooks'
const MISSING: Things = {
  webhook: publicId('wh', uuidv7()),
  delivery: publicId('dlv', uuidv7()),
  event: publicId('evt', uuidv7()),
  key: publicId('key', uuidv7()),
  recovery: publicId('rcv', uuidv7()),
}

describe('the matrix of routes and those who ask', () => {
  let system: WebSystem
  let receiver: TestReceiver
  let revokedKey: string

  before(async () => {
    receiver = await startTestReceiver()
    system = await startWebSystem({}, { work: true })
    const bobs = { token: system.token('bob') }
    const { id, key } = await made('/api/v1/auth/api-keys', { ...bobs, body: { name: 'revoked' } })
    revokedKey = key
    await system.call('DELETE', `/api/v1/auth/api-keys/${id}`, bobs)
    const admin = { token: system.token('root', 'admin') }
    assert.equal((await system.call('PUT', '/api/v1/users/mallory/block', admin)).status, 204)
  })
  after(async () => {
    await system.stop()
    await receiver.close()
  })

  async function made(path: string, call: Call) {
    const answer = await system.call('POST', path, call)
    assert.ok(answer.status < 300, answer.text)
    return answer.body
  }

  /** A webhook of alice's, a delivery and a recovery of it that are over, an event for her alone and a key. */
  async function thingsOfAlice(): Promise<Things> {
    const alice = { token: system.token('alice') }
    await system.db.query({ text: 'DELETE FROM webhooks' })
    await system.db.query({ text: "DELETE FROM api_keys WHERE user_id = 'alice'" })
    const body = { url: receiver.url, events: ['model_trained'] }
    const webhook = (await made(WEBHOOKS, { ...alice, body })).id
    const event = { event_type: 'model_trained', data: { model_id: 'm', model_type: 't' }, user_id: 'alice' }
    const { event_id } = await made('/api/v1/events', { token: system.token('maker', 'producer'), body: event })
    const key = (await made('/api/v1/auth/api-keys', { ...alice, body: { name: 'k', role: 'readonly' } })).id
    const delivery = await eventually(async () => {
      const { body } = await system.call('GET', `${WEBHOOKS}/${webhook}/deliveries?status=success`, alice)
      return body.deliveries[0]?.id ?? false
    })
    const recover = { ...alice, body: { since: '2026-01-01T00:00:00Z' } }
    const recovery = (await made(`${WEBHOOKS}/${webhook}/recover`, recover)).id
    await system.call('DELETE', `/api/v1/recoveries/${recovery}`, alice)
    return { webhook, delivery, event: event_id, key, recovery }
  }

  function ask(name: string, entry: Entry, things: Things, call: Call): Promise<Answer> {
    const [method = ''] = name.split(' ')
    return system.call(method, entry.path(things), { ...call, ...(entry.body ? { body: entry.body } : {}) })
  }

  it('has an entry for every route, and for nothing else', async () => {
    assert.deepEqual(Object.keys(MATRIX).sort(), [...(await routeDefinitions()).keys()].sort())
  })

  for (const [name, entry] of Object.entries(MATRIX)) {
    describe(name, () => {
      let alices: Things = MISSING
      const changesThem = entry.owned && !name.startsWith('GET ')
      const make = async () => {
        alices = await thingsOfAlice()
      }
      if (changesThem) beforeEach(make)
      else if (entry.owned) before(make)

      for (const role of ROLES) {
        const may = MAY[entry.who].includes(role)
        it(`answers an owner who is ${role} with ${may ? entry.ok : 403}`, async () => {
          const answer = await ask(name, entry, alices, { token: system.token('alice', role) })
          assert.equal(answer.status, may ? entry.ok : 403, answer.text)
        })
      }

      it('tells others nothing', async () => {
        const strangers: [who: string, call: Call, status: number][] = [
          ['nobody', {}, 401],
          ['a bad token', { token: 'a.b.c' }, 401],
          ['a revoked key', { apiKey: revokedKey }, 401],
          ['a blocked user', { token: system.token('mallory', 'admin') }, 403],
        ]
        for (const [who, call, status] of strangers) {
          const theirs = await ask(name, entry, alices, call)
          assert.equal(theirs.status, entry.who === 'everybody' ? entry.ok : status, who)
          if (entry.owned) assertSame(theirs, await ask(name, entry, MISSING, call))
        }
      })

      if (!entry.owned) return
      it('looks to every other user like what does not exist', async () => {
        for (const role of ROLES) {
          const call = { token: system.token('bob', role) }
          const theirs = await ask(name, entry, alices, call)
          const none = await ask(name, entry, MISSING, call)
          if (role === 'admin' && entry.owned === 'also admins') {
            assert.deepEqual([theirs.status, none.status], [entry.ok, 404])
          } else {
            assert.equal(theirs.status, MAY[entry.who].includes(role) ? 404 : 403, theirs.text)
            assertSame(theirs, none)
          }
        }
      })
    })
  }

  it('holds for streams: who may not, is closed; what is for one user, only that user gets', async () => {
    const url = `ws://127.0.0.1:${system.port}/ws/alerts`
    const refusals = [
      { token: '', code: 4401 },
      { token: `?token=${revokedKey}`, code: 4401 },
      { token: `?token=${system.token('mallory')}`, code: 4403 },
    ]
    for (const { token, code } of refusals) {
      const client = openClient(url + token)
      // Who has shown no token may still do so, and nothing else.
      if (token === '') client.socket.on('open', () => client.send({ type: 'subscribe', channel: 'alerts' }))
      assert.equal((await client.ended).code, code)
      assert.deepEqual(client.frames, [])
    }
    const open = (sub: string, role: (typeof ROLES)[number]) => openClient(`${url}?token=${system.token(sub, role)}`)
    const clients = { alice: open('alice', 'user'), bob: open('bob', 'producer'), root: open('root', 'admin') }
    for (const client of Object.values(clients)) await client.next('connected')
    const publish = (message: string, user_id?: string) => {
      const body = { event_type: 'alert_triggered', data: { symbol: 'AAPL', message }, user_id }
      return made('/api/v1/events', { token: system.token('maker', 'producer'), body })
    }
    await publish('for alice', 'alice')
    await publish('for all')
    for (const client of Object.values(clients)) await client.next('alert')
    await eventually(() => messagesOf(clients.bob).includes('for all') && messagesOf(clients.root).includes('for all'))
    assert.deepEqual([messagesOf(clients.bob), messagesOf(clients.root)], [['for all'], ['for all']])
    for (const client of Object.values(clients)) await client.close()
  })
})

function messagesOf(client: ReturnType<typeof openClient>): string[] {
  return client.frames.filter(({ type }) => type === 'alert').map(({ data }) => (data as { message: string }).message)
}

/** What says when an answer was given, and the how manieth. */
const OWN = /^(date|x-request-id|x-ratelimit-(remaining|reset))$/

/** Byte by byte but for what no two answers share. */
function assertSame(answer: Answer, other: Answer): void {
  const comparable = ({ status, headers, text }: Answer) => ({
    status,
    headers: [...headers].filter(([name]) => !OWN.test(name)),
    text: text.replace(/"timestamp":"[^"]*"/, '').replace(/"request_id":"[^"]*"/, ''),
  })
  assert.deepEqual(comparable(answer), comparable(other))
}

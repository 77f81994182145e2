import assert from 'node:assert/strict'
import { publicId } from '../../../src/ids.ts'
import { makeWebhook } from '../../support/rows.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

const WEBHOOKS = '/api/v1/webhooks'
const HOOK = { url: 'https://receiver.example.org/hook', events: ['*'] }

describe('the webhooks of an owner', () => {
  let system: WebSystem
  let user: string
  before(async () => {
    system = await startWebSystem()
    user = system.token('alice')
  })
  after(() => system.stop())
  beforeEach(() => system.db.query({ text: 'DELETE FROM webhooks' }))

  const make = async (fields: object = {}) => publicId('wh', await makeWebhook(system.db, fields))
  const get = (path: string, token = user) => system.call('GET', `${WEBHOOKS}${path}`, { token })
  const patch = (id: string, body: unknown) => system.call('PATCH', `${WEBHOOKS}/${id}`, { token: user, body })
  const publish = () =>
    system.call('POST', '/api/v1/events', {
      token: system.token('models', 'producer'),
      body: { event_type: 'system_error', data: { message: 'm' } },
    })
  const deliveries = async (webhook: string) => {
    const text = 'SELECT status FROM deliveries WHERE webhook_id = $1 ORDER BY id'
    const rows = await system.db.query<{ status: string }>({ text, values: [webhook.slice(3)] })
    return rows.map((row) => row.status)
  }
  const open = async () => (await system.db.query({ text: 'SELECT 1 FROM due' })).length

  describe('are listed', () => {
    const ids = async (query: string, token = user): Promise<string[]> =>
      (await get(query, token)).body.webhooks.map((webhook: { id: string }) => webhook.id)

    it('newest first, in pages', async () => {
      const made = []
      for (let count = 0; count < 5; count += 1) made.push(await make())
      await make({ user_id: 'bob' })
      const seen: string[] = []
      for (let query: string | null = '?limit=2'; query !== null; ) {
        seen.push(...(await ids(query)))
        const { next_cursor }: { next_cursor: string | null } = (await get(query)).body
        query = next_cursor === null ? null : `?limit=2&cursor=${next_cursor}`
      }
      assert.deepEqual(seen, made.sort().reverse())
      assert.deepEqual(await ids(''), seen)
    })

    it('without those that are off, when asked', async () => {
      const [on, off] = [await make(), await make({ active: false })]
      assert.deepEqual((await ids('')).sort(), [on, off].sort())
      assert.deepEqual(await ids('?active_only=true'), [on])
      assert.deepEqual((await ids('?active_only=false')).length, 2)
      assert.equal((await get('?active_only=1')).status, 422)
    })

    it('to admins for any user, and to others for themselves only', async () => {
      const [alices, bobs] = [await make(), await make({ user_id: 'bob' })]
      const admin = system.token('root', 'admin')
      assert.deepEqual(await ids('?user_id=alice', admin), [alices])
      assert.deepEqual(await ids('?user_id=bob', admin), [bobs])
      assert.deepEqual(await ids('', admin), [])
      assert.deepEqual(await ids('?user_id=alice'), [alices])
      assert.equal((await get('?user_id=bob')).status, 403)
      assert.equal((await get('?user_id=a%00b', admin)).status, 422)
      assert.equal((await get(`/${bobs}`, admin)).status, 200)
    })
  })

  describe('are changed', () => {
    it('field by field, and what is not named stays', async () => {
      const { body: made } = await system.call('POST', WEBHOOKS, {
        token: user,
        body: { ...HOOK, headers: { 'X-Team': 'blue' }, symbols: ['AAPL'], description: 'd' },
      })
      let { secret: _, ...expected } = made
      for (const [change, shown] of [
        [{ url: 'https://other.example.org/' }],
        [{ events: ['system_error', '*'] }, { events: ['*'] }],
        [{ description: 'another' }],
        [{ description: null }],
        [{ symbols: ['msft'] }, { symbols: ['MSFT'] }],
        [{ symbols: null }],
        [{ headers: { 'X-New': '1' } }, { headers: { 'X-New': '***' } }],
        [{ headers: null }, { headers: {} }],
        [{ signature_style: 'node-quickstart' }],
        [{ max_attempts: 3 }],
        [{ active: false }, { active: false, disabled_reason: 'disabled by its owner' }],
        [{ active: true }, { active: true, disabled_reason: null }],
      ] as const) {
        const { status, body: answer } = await patch(made.id, change)
        const { recovery: _, ...body } = answer
        assert.ok(body.updated_at > expected.updated_at)
        expected = { ...expected, ...(shown ?? change), updated_at: body.updated_at }
        assert.deepEqual([status, body], [200, expected])
        assert.deepEqual((await get(`/${made.id}`)).body, expected)
      }
    })

    it('not at all when nothing is named, or the secret, or what is not theirs', async () => {
      const id = await make()
      for (const body of [{}, { secret: 'a-secret-of-my-own' }, { user_id: 'bob' }, { delivery_count: 1 }, { id }]) {
        assert.equal((await patch(id, body)).status, 422, JSON.stringify(body))
      }
    })

    it('to off, which cancels what is open, and nothing more is owed to them', async () => {
      const [id, other] = [await make(), await make()]
      await publish()
      await publish()
      await patch(id, { active: false })
      assert.deepEqual(await deliveries(id), ['canceled', 'canceled'])
      assert.deepEqual(await deliveries(other), ['pending', 'pending'])
      assert.equal(await open(), 2)
      assert.equal((await publish()).body.deliveries, 1)
      await patch(id, { active: true })
      assert.equal((await publish()).body.deliveries, 2)
      assert.deepEqual((await deliveries(id)).sort(), ['canceled', 'canceled', 'pending'])
    })
  })

  it('are deleted with 204 and then are gone, and what was open is cancelled', async () => {
    const id = await make()
    await publish()
    const before = await open()
    const { status, text } = await system.call('DELETE', `${WEBHOOKS}/${id}`, { token: user })
    assert.deepEqual([status, text], [204, ''])
    assert.equal((await system.call('DELETE', `${WEBHOOKS}/${id}`, { token: user })).status, 404)
    assert.equal((await get(`/${id}`)).status, 404)
    assert.equal((await get(`/${id}/deliveries`)).status, 404)
    assert.equal((await patch(id, { active: true })).status, 404)
    assert.deepEqual(await deliveries(id), ['canceled'])
    assert.equal(await open(), before - 1)
    assert.equal((await publish()).body.deliveries, 0)
  })
})

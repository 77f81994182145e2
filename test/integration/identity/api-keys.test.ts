import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { eventually } from '../../support/eventually.ts'
import { type Call, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const ME = '/api/v1/auth/me'
const KEYS = '/api/v1/auth/api-keys'

describe('API keys', () => {
  let system: WebSystem
  let user: string
  before(async () => {
    system = await startWebSystem()
    user = system.token('alice', 'user', 'pro')
  })
  after(() => system.stop())

  const make = async (token: string, body: object = { name: 'a key' }) => {
    const answer = await system.call('POST', KEYS, { token, body })
    assert.equal(answer.status, 201, answer.text)
    return answer.body
  }
  const list = async (token: string, query = '') => (await system.call('GET', `${KEYS}${query}`, { token })).body
  const statusOf = async (apiKey: string) => (await system.call('GET', ME, { apiKey })).status

  it('are shown once and stand for their maker, with the role and tier of the maker', async () => {
    const { key, ...shown } = await make(user, { name: 'trading bot' })
    assert.match(key, /^ara_[0-9a-f]{64}$/)
    const { id, created_at, ...rest } = shown
    assert.match(id, /^key_[0-9a-f-]{36}$/)
    assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000)
    assert.deepEqual(rest, {
      name: 'trading bot',
      hint: `ara_…${key.slice(-4)}`,
      role: 'user',
      tier: 'pro',
      expires_at: null,
      last_used_at: null,
    })
    assert.deepEqual((await list(user)).api_keys[0], shown)
    const { body } = await system.call('GET', ME, { apiKey: key })
    assert.deepEqual([body.user_id, body.role, body.tier, body.via], ['alice', 'user', 'pro', 'api_key'])
  })

  it('are stored as SHA-256 only', async () => {
    const { key } = await make(user)
    const rows = await system.db.query<{ sha256: Buffer }>({ text: 'SELECT * FROM api_keys' })
    assert.ok(rows.some((row) => row.sha256.equals(createHash('sha256').update(key).digest())))
    assert.ok(!JSON.stringify(rows).includes(key.slice(4, -4)))
  })

  it('have a role that is never above the maker’s, also when a key makes a key', async () => {
    const readonly = await make(user, { name: 'k', role: 'readonly' })
    assert.equal((await system.call('GET', ME, { apiKey: readonly.key })).body.role, 'readonly')
    assert.equal((await system.call('POST', KEYS, { apiKey: readonly.key, body: { name: 'k' } })).status, 403)
    const lesser = await make(system.token('carol', 'producer'), { name: 'k', role: 'user' })
    for (const [caller, role] of [
      [{ token: user }, 'producer'],
      [{ token: user }, 'admin'],
      [{ token: system.token('carol', 'producer') }, 'admin'],
      [{ apiKey: lesser.key }, 'producer'],
    ] satisfies [Call, string][]) {
      const { status, body } = await system.call('POST', KEYS, { ...caller, body: { name: 'k', role } })
      assert.deepEqual([status, body.error], [403, 'forbidden'])
    }
  })

  it('take a name, a role and a number of days, and nothing else', async () => {
    for (const body of [
      {},
      { name: '' },
      { name: 'x'.repeat(101) },
      { name: 'k', role: 'root' },
      { name: 'k', expires_in_days: 0 },
      { name: 'k', expires_in_days: 3651 },
      { name: 'k', expires_in_days: 1.5 },
      { name: 'k', tier: 'enterprise' },
      { name: 'k', user_id: 'bob' },
    ]) {
      assert.equal((await system.call('POST', KEYS, { token: user, body })).status, 422, JSON.stringify(body))
    }
  })

  it('end at their expiry', async () => {
    const { id, key, expires_at } = await make(user, { name: 'k', expires_in_days: 1 })
    assert.ok(Math.abs(Date.parse(expires_at) - Date.now() - 86_400_000) < 60_000)
    assert.equal((await system.call('GET', ME, { apiKey: key })).body.expires_at, expires_at)
    await system.db.query({
      text: "UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1",
      values: [id.slice(4)],
    })
    assert.equal(await statusOf(key), 401)
  })

  it('end at once when they are revoked', async () => {
    const { id, key } = await make(user)
    assert.equal((await system.call('DELETE', `${KEYS}/${id}`, { apiKey: key })).status, 204)
    assert.equal(await statusOf(key), 401)
    assert.equal((await system.call('DELETE', `${KEYS}/${id}`, { token: user })).status, 404)
    assert.ok(!(await list(user, '?limit=100')).api_keys.some((shown: { id: string }) => shown.id === id))
  })

  it('are replaced by rotation: the same id, a new key, the old one void', async () => {
    const { key: old, ...made } = await make(user, { name: 'k', role: 'readonly', expires_in_days: 9 })
    await system.call('GET', ME, { apiKey: old })
    const { status, body } = await system.call('POST', `${KEYS}/${made.id}/rotate`, { token: user })
    assert.equal(status, 200)
    const { key, ...shown } = body
    assert.match(key, /^ara_[0-9a-f]{64}$/)
    assert.deepEqual(shown, { ...made, hint: `ara_…${key.slice(-4)}` })
    assert.deepEqual([await statusOf(old), await statusOf(key)], [401, 200])
  })

  it('cannot be rotated by whoever has a lesser role than the key', async () => {
    const producer = await make(system.token('dave', 'producer'))
    const token = system.token('dave', 'user')
    assert.equal((await system.call('POST', `${KEYS}/${producer.id}/rotate`, { token })).status, 403)
    assert.equal(await statusOf(producer.key), 200)
  })

  it('say when they were last used, at most once a minute', async () => {
    const token = system.token('erin')
    const { id, key } = await make(token)
    const lastUsed = async () => (await list(token)).api_keys[0].last_used_at
    assert.equal(await lastUsed(), null)
    await statusOf(key)
    const first = await eventually(async () => (await lastUsed()) ?? false)
    assert.ok(Math.abs(Date.parse(first) - Date.now()) < 60_000)
    await Promise.all(Array.from({ length: 5 }, () => statusOf(key)))
    assert.equal(await lastUsed(), first)
    const past = "UPDATE api_keys SET last_used_at = now() - interval '2 minutes' WHERE id = $1"
    await system.db.query({ text: past, values: [id.slice(4)] })
    await statusOf(key)
    await eventually(async () => Date.parse(await lastUsed()) >= Date.parse(first))
  })

  it('are listed newest first, in pages', async () => {
    const token = system.token('frank')
    const made: string[] = []
    for (const name of ['a', 'b', 'c', 'd', 'e']) made.push((await make(token, { name })).id)
    const seen: string[] = []
    for (let query: string | null = '?limit=2'; query !== null; ) {
      const { api_keys, next_cursor } = await list(token, query)
      assert.ok(api_keys.length <= 2)
      seen.push(...api_keys.map((key: { id: string }) => key.id))
      query = next_cursor === null ? null : `?limit=2&cursor=${next_cursor}`
    }
    assert.deepEqual(seen, made.sort().reverse())
  })

  it('are at most a hundred for one user', async () => {
    const token = system.token('greedy')
    for (let count = 0; count < 100; count += 20) await Promise.all(Array.from({ length: 20 }, () => make(token)))
    const { status, body } = await system.call('POST', KEYS, { token, body: { name: 'k' } })
    assert.deepEqual([status, body.error], [409, 'too_many_api_keys'])
  })

  it('are none when only their form is right, or not even that', async () => {
    const { key } = await make(user)
    for (const bad of [key.slice(0, -1), `${key}0`, key.toUpperCase(), key.slice(4), `ara_${'0'.repeat(64)}`, '%']) {
      const { status, body } = await system.call('GET', ME, { apiKey: bad })
      assert.deepEqual([status, body.error], [401, 'unauthorized'])
    }
  })
})

import assert from 'node:assert/strict'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { postgresUrl } from '../../support/postgres.ts'
import { type Call, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const ME = '/api/v1/auth/me'
const UNKNOWN_KEY = `ara_${'0'.repeat(64)}`

describe('failed logins', () => {
  let system: WebSystem
  let database: FaultProxy
  before(async () => {
    database = await startFaultProxy(Number(new URL(postgresUrl('postgres')).port))
    const settings = { FAILED_LOGINS_PER_MINUTE: '3', TRUSTED_PROXIES: '1' }
    system = await startWebSystem(settings, { databasePort: database.port })
  })
  after(async () => {
    await system?.stop()
    await database.close()
  })

  const from = (address: string, call: Call) =>
    system.call('GET', ME, { ...call, headers: { 'x-forwarded-for': `9.9.9.9, ${address}`, ...call.headers } })

  const makeKey = async () => {
    const made = { token: system.token('alice'), body: { name: 'k' } }
    return (await system.call('POST', '/api/v1/auth/api-keys', made)).body.key
  }

  it('are limited for each address: over the limit they are answered 429', async () => {
    for (const call of [{ token: 'bad' }, { apiKey: UNKNOWN_KEY }, { token: 'bad again' }]) {
      assert.equal((await from('192.0.2.1', call)).status, 401)
    }
    for (const call of [{ token: 'bad' }, { apiKey: UNKNOWN_KEY }, { apiKey: 'bad' }]) {
      const refused = await from('192.0.2.1', call)
      assert.deepEqual([refused.status, refused.body.error], [429, 'rate_limited'])
      assert.match(refused.headers.get('retry-after') ?? '', /^([1-9]|[1-5]\d|60)$/)
    }
    assert.equal((await from('192.0.2.2', { token: 'bad' })).status, 401)
  })

  it('never lock out who shows a good token, key or ticket from the same address', async () => {
    const apiKey = await makeKey()
    for (let count = 0; count < 5; count += 1) await from('192.0.2.7', { token: 'bad' })
    for (const call of [{ token: system.token('alice') }, { apiKey }]) {
      assert.equal((await from('192.0.2.7', call)).status, 200)
    }
    const mixed = [{ apiKey: UNKNOWN_KEY }, { apiKey }, { apiKey }, { token: 'bad' }, { apiKey: UNKNOWN_KEY }]
    const answers = await Promise.all(mixed.map((call) => from('192.0.2.7', call)))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [429, 200, 200, 429, 429],
    )
  })

  it('are not forgiven by a good one in between', async () => {
    const good = { token: system.token('alice') }
    for (const call of [{ token: 'bad' }, good, { token: 'bad' }, good, { token: 'bad' }]) await from('192.0.2.3', call)
    assert.equal((await from('192.0.2.3', good)).status, 200)
    assert.equal((await from('192.0.2.3', { token: 'bad' })).status, 429)
  })

  it('are not those who name nobody, are blocked or may not', async () => {
    const blocked = system.token('mallory')
    await system.call('PUT', '/api/v1/users/mallory/block', { token: system.token('root', 'admin') })
    for (let count = 0; count < 4; count += 1) {
      assert.equal((await from('192.0.2.4', {})).status, 401)
      assert.equal((await from('192.0.2.4', { token: blocked })).status, 403)
    }
    assert.equal((await from('192.0.2.4', { token: system.token('alice') })).status, 200)
  })

  it('are not those that could not be checked while PostgreSQL was away', async () => {
    const apiKey = await makeKey()
    await database.cut()
    try {
      for (let count = 0; count < 4; count += 1) {
        assert.equal((await from('192.0.2.5', { apiKey })).status, 503)
      }
    } finally {
      await database.mend()
    }
    assert.equal((await from('192.0.2.5', { apiKey })).status, 200)
  })

  it('of the queue board count with the others', async () => {
    const logIn = (token: string) =>
      system.call('POST', '/admin/queues/login', {
        body: `token=${token}`,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'x-forwarded-for': '192.0.2.6',
          origin: system.base,
        },
      })
    for (let count = 0; count < 3; count += 1) assert.equal((await logIn('bad')).status, 401)
    const refused = await logIn('bad')
    assert.equal(refused.status, 429)
    assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]/)
    assert.equal((await from('192.0.2.6', { token: 'bad' })).status, 429)
    const { status, body } = await logIn(system.token('root', 'admin'))
    assert.ok(status < 400, body)
  })
})

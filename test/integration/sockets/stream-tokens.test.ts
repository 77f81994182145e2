import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { makeApiKey, revokeApiKey, rotateApiKey } from '../../../src/identity/api-keys.ts'
import { createAuthenticator } from '../../../src/identity/authenticator.ts'
import { blockUser, createBlockedUsers } from '../../../src/identity/blocked-users.ts'
import { makeToken } from '../../../src/identity/make-token.ts'
import { makeTicket } from '../../../src/identity/tickets.ts'
import { BY_TEST } from '../../support/author.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { connectClient, openClient } from '../../support/stream-client.ts'
import { message, principal, startStreams, type TestStreams } from '../../support/stream-server.ts'

const SECRET = 'a-secret-of-these-tests-of-32-bytes-or-more'
/** A block or a revoked key is obeyed within this. */
const OBEYED_MS = 10_000

describe('the token of a socket', () => {
  let database: TestDatabase
  let system: TestStreams

  before(async () => {
    database = await createDatabase()
    const { db } = database
    const jwt = { secret: SECRET, clockSkewSeconds: 0 }
    const authenticator = createAuthenticator({ db, blocked: createBlockedUsers({ db }), jwt })
    system = await startStreams({ authenticator })
  })
  after(async () => {
    await system.stop()
    await database.drop()
    assert.deepEqual(system.errors, [])
  })

  const tokenOf = (sub: string, seconds = 3600) =>
    makeToken({ secret: SECRET }, { sub, role: 'user', tier: 'free' }, seconds)
  const url = (token: string, path = '/ws/alerts') => `${system.url}${path}?token=${encodeURIComponent(token)}`

  it('may be a JWT, an API key or a ticket, and makes the socket that of its user', async () => {
    const { key } = await makeApiKey(database.db, principal('carol'), BY_TEST, { name: 'k' })
    const tokens = [tokenOf('carol'), key, await makeTicket(database.db, principal('carol'))]
    const clients = await Promise.all(tokens.map((token) => connectClient(url(token))))
    const other = await connectClient(url(tokenOf('dave')))
    const alert = message({ channel: 'alerts', symbol: null })
    await system.backplane.publish([{ ...alert, userId: 'carol', eventId: 'evt_1' }, alert])
    for (const client of clients) {
      assert.equal((await client.next('alert'))['scope'], 'user')
      assert.ok(!('scope' in (await client.next('alert'))))
      await client.close()
    }
    assert.ok(!('scope' in (await other.next('alert'))))
    await other.close()
  })

  it('is refused with 4401 when it is bad, though anonymous sockets are let in', async () => {
    await (await connectClient(`${system.url}/ws/alerts`)).close()
    const ticket = await makeTicket(database.db, principal('carol'))
    await (await connectClient(url(ticket))).close()
    const [head = '', body = ''] = tokenOf('carol').split('.')
    const unsigned = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${body}.`
    const resigned = `${head}.${body}.${createHmac('sha256', 'x'.repeat(32)).update(`${head}.${body}`).digest('base64url')}`
    const bad = ['', 'x', unsigned, resigned, tokenOf('carol', -1), `ara_${'0'.repeat(64)}`, 'ara_', ticket, 'tkt_1']
    for (const token of [...bad, 'x'.repeat(9000), '\0', '%']) {
      const { code, reason } = await openClient(url(token)).ended
      assert.equal(code, 4401, token)
      assert.ok(!reason.includes(token) || token.length < 2, reason)
    }
  })

  it('is refused with 4403 when its user is blocked, and closes with 4401 the sockets that are open', async () => {
    const client = await connectClient(url(tokenOf('mallory')))
    const bystander = await connectClient(url(tokenOf('alice')))
    const began = performance.now()
    await blockUser(database.db, 'mallory', BY_TEST)
    assert.equal((await client.ended).code, 4401)
    assert.ok(performance.now() - began < OBEYED_MS)
    assert.equal((await openClient(url(tokenOf('mallory'))).ended).code, 4403)
    assert.equal((await bystander.close()).code, 1005)
  })

  it('closes its sockets with 4401 when it expires or its key is revoked or rotated', async () => {
    const { key, row } = await makeApiKey(database.db, principal('erin'), BY_TEST, { name: 'k' })
    const brief = await connectClient(url(tokenOf('erin', 2)))
    const rotated = await makeApiKey(database.db, principal('erin'), BY_TEST, { name: 'old' })
    const old = await connectClient(url(rotated.key))
    const keyed = [await connectClient(url(key)), await connectClient(url(key, '/ws/market-data/AAPL'))]
    const began = performance.now()
    await revokeApiKey(database.db, 'erin', BY_TEST, row.id)
    const replaced = await rotateApiKey(database.db, principal('erin'), BY_TEST, rotated.row.id)
    const fresh = await connectClient(url(replaced.key))
    assert.deepEqual(await brief.ended, { code: 4401, reason: 'the token has expired' })
    for (const client of [old, ...keyed]) {
      assert.deepEqual(await client.ended, { code: 4401, reason: 'the token has ended or was withdrawn' })
    }
    assert.ok(performance.now() - began < OBEYED_MS)
    assert.equal((await fresh.close()).code, 1005)
  })

  it('opens one socket when it is a ticket, however many come with it at once', async () => {
    const ticket = await makeTicket(database.db, principal('carol'))
    const clients = Array.from({ length: 8 }, () => openClient(url(ticket)))
    const outcomes = await Promise.all(
      clients.map((client) => Promise.race([client.next('connected').then(() => 'open'), client.ended])),
    )
    assert.deepEqual(
      outcomes.filter((outcome) => outcome !== 'open').map((outcome) => (outcome as { code: number }).code),
      Array.from({ length: 7 }, () => 4401),
    )
    for (const client of clients) await client.close()
  })

  it('ends with its API key, of which it is told before', async () => {
    const expiresAt = new Date(Date.now() + 3_000)
    const { key } = await makeApiKey(database.db, principal('frank'), BY_TEST, { name: 'brief', expiresAt })
    const client = await connectClient(url(key))
    assert.equal((await client.next('token_expiring'))['expires_at'], expiresAt.toISOString())
    assert.equal((await client.ended).code, 4401)
    assert.ok(Date.now() >= expiresAt.getTime())
  })
})

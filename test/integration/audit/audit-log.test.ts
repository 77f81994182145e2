import assert from 'node:assert/strict'
import { forgetOldEntries } from '../../../src/audit/forget-entries.ts'
import { recordChange } from '../../../src/audit/record-change.ts'
import { disableIfFailed } from '../../../src/webhooks/failing-webhooks.ts'
import { BY_TEST } from '../../support/author.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

const LOG = '/api/v1/audit-log'
const WEBHOOKS = '/api/v1/webhooks'
const KEYS = '/api/v1/auth/api-keys'
const SECRETS = ['MARKED-secret-of-16', 'MARKED-second-secret', 'MARKED-header', 'MARKED-in-the-query']

describe('the audit log', () => {
  let system: WebSystem
  let alice: string
  let admin: string
  before(async () => {
    system = await startWebSystem({ BOARD_READ_ONLY: 'false' }, { work: true })
    alice = system.token('alice')
    admin = system.token('root', 'admin')
  })
  after(() => system.stop())
  beforeEach(async () => {
    await system.db.query({ text: 'DELETE FROM audit_log' })
  })

  const call = async (method: string, path: string, token = alice, body?: unknown) => {
    const answer = await system.call(method, path, { token, body, headers: { 'x-request-id': 'a-request' } })
    assert.ok(answer.status < 300, answer.text)
    return answer.body
  }
  const entries = async (query = '', token = alice) => (await call('GET', `${LOG}${query}`, token)).entries
  const wanted = {
    url: 'http://127.0.0.1:9/hook?key=MARKED-in-the-query',
    events: ['system_error'],
    secret: SECRETS[0],
    headers: { 'X-Partner': SECRETS[2] },
  }

  it('says who made, changed and deleted a webhook, from where and in which request, and never a secret', async () => {
    const { id } = await call('POST', WEBHOOKS, alice, wanted)
    await call('PATCH', `${WEBHOOKS}/${id}`, alice, { description: 'mine', max_attempts: 3 })
    await call('PATCH', `${WEBHOOKS}/${id}`, alice, {
      headers: { 'X-Partner': `${SECRETS[2]}-2` },
      url: `${wanted.url}-2`,
    })
    await call('PATCH', `${WEBHOOKS}/${id}`, alice, { description: 'mine' })
    await call('POST', `${WEBHOOKS}/${id}/rotate-secret`, alice, { secret: SECRETS[1] })
    await call('POST', `${WEBHOOKS}/${id}/rotate-secret/finish`)
    await call('PATCH', `${WEBHOOKS}/${id}`, alice, { active: false })
    await call('PATCH', `${WEBHOOKS}/${id}`, alice, { active: true })
    // One of what is missing begins some seconds later: it is still there to be stopped.
    const recover = { since: '2026-01-01T00:00:00Z', status: 'missing' }
    const recovery = await call('POST', `${WEBHOOKS}/${id}/recover`, alice, recover)
    await call('DELETE', `/api/v1/recoveries/${recovery.id}`)
    await call('DELETE', `${WEBHOOKS}/${id}`)

    const log = await entries()
    assert.deepEqual(log.map(({ action, target }: { action: string; target: string }) => [action, target]).reverse(), [
      ['webhook.created', id],
      ['webhook.changed', id],
      ['webhook.changed', id],
      ['webhook.secret_rotated', id],
      ['webhook.rotation_finished', id],
      ['webhook.disabled', id],
      ['webhook.enabled', id],
      ['recovery.started', recovery.id],
      ['recovery.stopped', recovery.id],
      ['webhook.deleted', id],
    ])
    const [created, changed, masked, , , disabled] = log.toReversed()
    const { id: entryId, created_at, ...rest } = created
    assert.match(entryId, /^aud_[0-9a-f-]{36}$/)
    assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000)
    assert.deepEqual(rest, {
      action: 'webhook.created',
      target: id,
      user_id: 'alice',
      actor: { user_id: 'alice', role: 'user', via: 'jwt', key_id: null },
      address: '127.0.0.1',
      request_id: 'a-request',
      changes: {
        url: { to: 'http://127.0.0.1:9/hook?***' },
        events: { to: ['system_error'] },
        symbols: { to: null },
        description: { to: null },
        active: { to: true },
        headers: { to: ['X-Partner'] },
        signature_style: { to: 'canonical' },
        max_attempts: { to: 10 },
      },
    })
    assert.deepEqual(changed.changes, { description: { from: null, to: 'mine' }, max_attempts: { from: 10, to: 3 } })
    assert.deepEqual(masked.changes, { headers: { from: ['X-Partner'], to: ['X-Partner'] }, url: {} })
    assert.deepEqual(disabled.changes, { active: { from: true, to: false } })
    const rows = JSON.stringify(await system.db.query({ text: 'SELECT * FROM audit_log' }))
    for (const secret of SECRETS) assert.ok(!rows.includes(secret), secret)
  })

  it('has nothing of what was refused, since it is written with the change', async () => {
    const answers = [
      await system.call('POST', WEBHOOKS, { token: alice, body: { ...wanted, secret: 'short' } }),
      await system.call('DELETE', `${WEBHOOKS}/wh_0198d2f0-0000-7000-8000-000000000000`, { token: alice }),
      await system.call('POST', KEYS, { token: alice, body: { name: 'k', role: 'admin' } }),
    ]
    assert.deepEqual(
      answers.map(({ status }) => status),
      [422, 404, 403],
    )
    await assert.rejects(
      system.db.transaction(async (sql) => {
        await recordChange(sql, BY_TEST, { action: 'user.blocked', target: 'bob', ownerId: 'bob' })
        throw new Error('undone')
      }),
    )
    assert.deepEqual(await entries('', admin), [])
  })

  it('says by which API key something was done, and what became of keys and users', async () => {
    const made = await call('POST', KEYS, alice, { name: 'bot' })
    await system.call('POST', `${KEYS}/${made.id}/rotate`, { apiKey: made.key })
    await call('DELETE', `${KEYS}/${made.id}`)
    await call('PUT', '/api/v1/users/mallory/block', admin)
    await call('PUT', '/api/v1/users/mallory/block', admin)
    await call('DELETE', '/api/v1/users/mallory/block', admin)
    const log = (await entries('', admin)).toReversed()
    assert.deepEqual(
      log.map(({ action, user_id, actor }: { action: string; user_id: string; actor: { key_id: string } }) => [
        action,
        user_id,
        actor.key_id,
      ]),
      [
        ['api_key.made', 'alice', null],
        ['api_key.rotated', 'alice', made.id],
        ['api_key.revoked', 'alice', null],
        ['user.blocked', 'mallory', null],
        ['user.unblocked', 'mallory', null],
      ],
    )
    assert.ok(!JSON.stringify(log).includes(made.key.slice(4)))
  })

  it('shows owners their own, and of an admin only that it was one; admins everything', async () => {
    const { id } = await call('POST', WEBHOOKS, alice, { ...wanted, url: 'http://127.0.0.1:9/' })
    await call('POST', WEBHOOKS, system.token('bob'), { ...wanted, url: 'http://127.0.0.1:9/' })
    await call('PATCH', `${WEBHOOKS}/${id}`, admin, { active: false })
    const [byAdmin, byAlice] = await entries()
    assert.deepEqual(byAdmin.actor, { user_id: null, role: 'admin', via: null, key_id: null })
    assert.deepEqual([byAdmin.address, byAdmin.request_id], [null, null])
    assert.equal(byAlice.actor.user_id, 'alice')
    assert.equal((await entries()).length, 2)
    assert.equal((await entries('', system.token('carol'))).length, 0)
    assert.equal((await system.call('GET', `${LOG}?user_id=bob`, { token: alice })).status, 403)
    assert.equal((await entries('', admin)).length, 3)
    assert.deepEqual((await entries('?user_id=bob', admin)).length, 1)
    assert.equal((await entries('', admin))[0].actor.user_id, 'root')
  })

  it('is read in pages and by action, target, actor and time', async () => {
    const ids: string[] = []
    for (let times = 0; times < 5; times += 1)
      ids.push((await call('POST', WEBHOOKS, alice, { ...wanted, url: 'http://127.0.0.1:9/' })).id)
    await call('DELETE', `${WEBHOOKS}/${ids[0]}`, admin)
    const targets: string[] = []
    for (let query: string | null = '?limit=2'; query !== null; ) {
      const { entries: shown, next_cursor } = await call('GET', LOG + query)
      assert.ok(shown.length <= 2)
      targets.push(...shown.map(({ target }: { target: string }) => target))
      query = next_cursor === null ? null : `?limit=2&cursor=${next_cursor}`
    }
    assert.deepEqual(targets, [ids[0], ...ids.toReversed()])
    const count = async (query: string) => (await entries(query, admin)).length
    assert.equal(await count('?action=webhook.deleted'), 1)
    assert.equal(await count(`?target=${ids[0]}`), 2)
    assert.equal(await count('?actor=root'), 1)
    assert.equal(await count(`?since=${new Date(Date.now() + 60_000).toISOString()}`), 0)
    assert.equal(await count(`?until=${new Date(Date.now() - 60_000).toISOString()}`), 0)
    for (const bad of ['?action=lunch', '?limit=0', '?since=yesterday', '?cursor=x', '?target='])
      assert.equal((await system.call('GET', LOG + bad, { token: alice })).status, 422, bad)
  })

  it('says that the system turned a webhook off', async () => {
    const { id } = await call('POST', WEBHOOKS, alice, { ...wanted, url: 'http://127.0.0.1:9/' })
    await system.db.query({ text: 'UPDATE webhook_stats SET gone = true WHERE webhook_id = $1', values: [id.slice(3)] })
    await disableIfFailed(system.db, { disableAfterSeconds: 1, disableAfterFailures: 1 }, id.slice(3))
    const [disabled] = await entries()
    assert.deepEqual([disabled.action, disabled.target, disabled.actor], ['webhook.disabled', id, null])
    assert.deepEqual(disabled.changes['disabled_reason'], { to: 'The receiver answered 410 Gone.' })
  })

  it('says who retried a delivery, and what was asked of the queue board', async () => {
    const { id } = await call('POST', WEBHOOKS, alice, { ...wanted, url: 'http://127.0.0.1:9/' })
    const { delivery } = await call('POST', `${WEBHOOKS}/test?webhook_id=${id}`)
    await call('POST', `${WEBHOOKS}/${id}/deliveries/${delivery.id}/retry`)
    await system.call('PUT', '/admin/queues/api/queues/deliveries/pause', { token: admin })
    await system.call('PUT', '/admin/queues/api/queues/deliveries/resume', { token: admin })
    const log = (await entries('', admin)).toReversed()
    assert.deepEqual(
      log.slice(1).map(({ action, target }: { action: string; target: string }) => [action, target]),
      [
        ['delivery.retried', delivery.id],
        ['queue.changed', 'PUT /api/queues/deliveries/pause'],
        ['queue.changed', 'PUT /api/queues/deliveries/resume'],
      ],
    )
    assert.deepEqual(log[1].changes, { webhook_id: { to: id } })
  })

  it('is forgotten after its time, some entries at once', async () => {
    for (let times = 0; times < 3; times += 1)
      await recordChange(system.db, BY_TEST, { action: 'user.blocked', target: 'bob', ownerId: 'bob' })
    const in30Days = new Date(Date.now() + 30 * 86_400_000)
    assert.equal(await forgetOldEntries(system.db, 31, in30Days, 10), 0)
    assert.equal(await forgetOldEntries(system.db, 29, in30Days, 2), 2)
    assert.equal(await forgetOldEntries(system.db, 29, in30Days, 2), 1)
  })
})

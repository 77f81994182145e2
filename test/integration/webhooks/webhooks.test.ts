import assert from 'node:assert/strict'
import { EVENT_TYPES } from '../../../src/events/catalogue.ts'
import type { Role, Tier } from '../../../src/identity/principal.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

const WEBHOOKS = '/api/v1/webhooks'
const URL = 'https://receiver.example.org/hook'
const HOOK = { url: URL, events: ['*'] }

describe('webhooks', () => {
  let system: WebSystem
  let user: string
  before(async () => {
    system = await startWebSystem({ WEBHOOKS_FREE: '2', WEBHOOKS_PRO: '3', WEBHOOKS_ENTERPRISE: '4' })
    user = system.token('alice', 'admin')
  })
  after(() => system.stop())

  const create = async (body: object = HOOK, token = user) => {
    const answer = await system.call('POST', WEBHOOKS, { token, body })
    assert.equal(answer.status, 201, answer.text)
    return answer.body
  }
  const get = (path: string, token = user) => system.call('GET', `${WEBHOOKS}${path}`, { token })
  const patch = (id: string, body: unknown) => system.call('PATCH', `${WEBHOOKS}/${id}`, { token: user, body })
  const publish = async (symbol: string) => {
    const body = { event_type: 'alert_triggered', data: { symbol, message: 'm' } }
    return (await system.call('POST', '/api/v1/events', { token: system.token('models', 'producer'), body })).body
  }

  it('are made of a URL and event types, and all else has a default', async () => {
    const { id, secret, created_at, updated_at, ...rest } = await create()
    assert.match(id, /^wh_[0-9a-f-]{36}$/)
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
    assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.equal(updated_at, created_at)
    assert.deepEqual(rest, {
      ...{ user_id: 'alice', url: URL, events: ['*'], symbols: null, description: null, active: true },
      ...{ disabled_reason: null, headers: {}, signature_style: 'canonical', max_attempts: 10 },
      ...{ secret_rotation: null, failing_since: null },
      ...{ delivery_count: 0, success_count: 0, failure_count: 0 },
      ...{ last_delivery_at: null, last_delivery_status: null },
    })
    const { body } = await get(`/${id}`)
    assert.deepEqual(body, { id, created_at, updated_at, ...rest })
  })

  it('keep every field that is given, and show neither secret nor header values', async () => {
    const { body, text } = await system.call('POST', WEBHOOKS, {
      token: user,
      body: {
        url: 'http://127.0.0.1:9/hook?a=b',
        events: ['alert_triggered', 'prediction_complete', 'alert_triggered'],
        secret: 'a-secret-of-my-own',
        description: 'my bot',
        active: false,
        symbols: ['aapl', '^gspc', 'AAPL'],
        headers: { 'X-Team': 'blue', Authorization: 'Bearer of-theirs' },
        signature_style: 'node-quickstart',
        max_attempts: 20,
      },
    })
    const { id, user_id, url, created_at, updated_at, ...rest } = body
    assert.equal(url, 'http://127.0.0.1:9/hook?a=b')
    assert.deepEqual(rest, {
      events: ['alert_triggered', 'prediction_complete'],
      ...{ symbols: ['AAPL', '^GSPC'], description: 'my bot', active: false, disabled_reason: null },
      ...{ headers: { 'X-Team': '***', Authorization: '***' }, signature_style: 'node-quickstart', max_attempts: 20 },
      ...{ secret_rotation: null, failing_since: null },
      ...{ delivery_count: 0, success_count: 0, failure_count: 0 },
      ...{ last_delivery_at: null, last_delivery_status: null },
    })
    for (const shown of [text, (await get(`/${id}`)).text, (await get('')).text]) {
      for (const hidden of ['a-secret-of-my-own', 'blue', 'of-theirs', 'whsec_']) assert.ok(!shown.includes(hidden))
    }
  })

  it('are kept with their secret and headers encrypted', async () => {
    const made = await create({ ...HOOK, headers: { 'X-Team': 'blue-team' } })
    const [row] = await system.db.query<{ secret: Buffer; headers: Buffer }>({
      text: 'SELECT secret, headers FROM webhooks WHERE id = $1',
      values: [made.id.slice(3)],
    })
    assert.ok(row)
    const secretBytes = Buffer.from(made.secret.slice('whsec_'.length), 'base64')
    for (const bytes of [row.secret, row.headers]) {
      for (const plain of [made.secret, secretBytes, 'whsec', 'X-Team', 'blue-team']) assert.ok(!bytes.includes(plain))
    }
    const rows = await system.db.query<{ all: string }>({ text: 'SELECT webhooks::text AS all FROM webhooks' })
    assert.ok(!JSON.stringify(rows).includes(made.secret))
  })

  const X = (length: number) => 'x'.repeat(length)
  const bad: [path: string, value: unknown][] = [
    ['url', undefined],
    ['url', ''],
    ['url', 'receiver.example.org'],
    ['url', 'ftp://receiver.example.org/'],
    ['url', 'https://user:pass@receiver.example.org/'],
    ['url', 'https://user@receiver.example.org/'],
    ['url', `https://receiver.example.org/${X(2048)}`],
    ['url', 'http://10.0.0.1/'],
    ['url', 'http://169.254.169.254/latest/meta-data'],
    ['url', 'http://[::1]/'],
    ['url', 'http://0x7f.1.1.1.example/'],
    ['url', 'https://printer.local/'],
    ['url', 7],
    ['events', undefined],
    ['events', []],
    ['events', 'alert_triggered'],
    ['events.0', ['nothing']],
    ['secret', X(15)],
    ['secret', X(129)],
    ['secret', 'whsec_is not base64'],
    ['secret', null],
    ['description', X(501)],
    ['active', 'yes'],
    ['symbols', []],
    ['symbols.0', ['A B']],
    ['headers.Host', { Host: 'elsewhere' }],
    ['headers.transfer-encoding', { 'transfer-encoding': 'chunked' }],
    ['headers.Connection', { Connection: 'close' }],
    ['headers.X-Webhook-Signature', { 'X-Webhook-Signature': 'x' }],
    ['headers.webhook-id', { 'webhook-id': 'x' }],
    ['headers.Idempotency-Key', { 'Idempotency-Key': 'x' }],
    ['headers.User-Agent', { 'User-Agent': 'x' }],
    ['headers.A B', { 'A B': 'x' }],
    ['headers.X-A', { 'X-A': 'line\r\nX-B: y' }],
    ['headers.X-A', { 'X-A': '' }],
    ['headers', { 'X-A': '1', 'x-a': '2' }],
    ['headers', Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`X-${index}`, '1']))],
    ['signature_style', 'sha1'],
    ['max_attempts', 0],
    ['max_attempts', 21],
    ['max_attempts', 1.5],
    ['user_id', 'bob'],
    ['disabled_reason', null],
  ]
  it('refuse every field that is not as it should be, at creation and at a change', async () => {
    const { id } = await create()
    for (const [path, value] of bad) {
      const [field = ''] = path.split('.')
      const answers = [await system.call('POST', WEBHOOKS, { token: user, body: { ...HOOK, [field]: value } })]
      if (value !== undefined) answers.push(await patch(id, { [field]: value }))
      for (const { status, body } of answers) {
        const [detail] = body.details ?? []
        assert.deepEqual([status, detail?.path], [422, path], JSON.stringify(value))
      }
    }
  })

  it('name all that is wrong with them at once, the rules of the URL too, in plain words', async () => {
    const told = async (body: object) => (await system.call('POST', WEBHOOKS, { token: user, body })).body.details
    assert.deepEqual(await told({ url: 'ftp://x', events: ['nope'], secret: 'short', max_attempts: '3' }), [
      { path: 'url', reason: 'must begin with https:// or http://' },
      { path: 'events.0', reason: `must be one of *, ${EVENT_TYPES.join(', ')}` },
      { path: 'secret', reason: 'must have 16 to 128 characters' },
      { path: 'max_attempts', reason: 'must be a number' },
    ])
    assert.deepEqual(await told({ events: [] }), [
      { path: 'url', reason: 'is required' },
      { path: 'events', reason: 'choose at least one' },
    ])
    assert.deepEqual(await told({ url: '', events: ['*'] }), [{ path: 'url', reason: 'must not be empty' }])
  })

  it('take values at their limits', async () => {
    for (const [field, value] of [
      ['url', `https://receiver.example.org/${X(2048 - 29)}`],
      ['secret', X(16)],
      ['secret', X(128)],
      ['description', X(500)],
      ['max_attempts', 1],
      ['headers', { 'X-A': X(1024), Cookie: 'a=b' }],
    ] as const) {
      await create({ ...HOOK, [field]: value })
    }
  })

  it('are as many as the tier of their owner allows, also of those made at once', async () => {
    for (const [tier, most] of [
      ['free', 2],
      ['pro', 3],
      ['enterprise', 4],
    ] as const) {
      const token = system.token(`many-${tier}`, 'user', tier)
      const calls = Array.from({ length: 8 }, () => system.call('POST', WEBHOOKS, { token, body: HOOK }))
      const statuses = (await Promise.all(calls)).map((answer) => answer.status).sort()
      assert.deepEqual(
        statuses,
        Array.from({ length: 8 }, (_, index) => (index < most ? 201 : 403)),
      )
      const { body } = await system.call('POST', WEBHOOKS, { token, body: HOOK })
      assert.deepEqual(body.error, 'webhook_limit_reached')
      const [first] = (await get('', token)).body.webhooks
      await system.call('DELETE', `${WEBHOOKS}/${first.id}`, { token })
      await create(HOOK, token)
    }
  })

  it('are 5, 25 and 100 when nothing else is set', async () => {
    const usual = await startWebSystem({ WEBHOOKS_FREE: '' })
    try {
      for (const [tier, most] of [
        ['free', 5],
        ['pro', 25],
        ['enterprise', 100],
      ] satisfies [Tier, number][]) {
        for (const role of ['user', 'producer'] satisfies Role[]) {
          const token = usual.token(`${tier}-${role}`, role, tier)
          const make = async () => (await usual.call('POST', WEBHOOKS, { token, body: HOOK })).status
          for (let made = 0; made < most; made += 1) assert.equal(await make(), 201)
          assert.equal(await make(), 403)
        }
      }
    } finally {
      await usual.stop()
    }
  })

  it('get the events of their symbols only, and then none without a symbol', async () => {
    await system.db.query({ text: 'DELETE FROM webhooks' })
    await create({ ...HOOK, symbols: ['aapl', 'BTC-USD'] })
    await create({ ...HOOK, events: ['system_error'] })
    assert.equal((await publish('AAPL')).deliveries, 1)
    assert.equal((await publish('btc-usd')).deliveries, 1)
    assert.equal((await publish('MSFT')).deliveries, 0)
    const body = { event_type: 'system_error', data: { message: 'm' } }
    const answer = await system.call('POST', '/api/v1/events', { token: user, body })
    assert.equal(answer.body.deliveries, 1)
  })
})

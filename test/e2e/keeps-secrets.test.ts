import assert from 'node:assert/strict'
import { makeToken } from '../../src/identity/make-token.ts'
import type { Role } from '../../src/identity/principal.ts'
import { eventually } from '../support/eventually.ts'
import { MARKS, type MarkedSystem, startMarkedSystem } from '../support/marked-system.ts'
import { MATRIX } from '../support/route-matrix.ts'
import { assertNowhere, SENT, startShowingReceiver } from '../support/shown-secrets.ts'
import { openClient } from '../support/stream-client.ts'
import type { RawReceiver } from '../support/work-raw-receiver.ts'

interface Sent {
  status: number
  text: string
  cookie: string
}

describe('secrets', function () {
  this.timeout(240_000)
  let system: MarkedSystem
  let receiver: RawReceiver
  /** Credentials made on the way. */
  const made: Record<string, string> = {}
  /** Every answer but those that show a new secret once. */
  const answers: string[] = []
  /** All of it, before it was killed. */
  let inRedis: [name: string, text: string][] = []

  before(async () => {
    receiver = await startShowingReceiver()
    system = await startMarkedSystem()
    const token = (sub: string, role: Role) =>
      makeToken({ secret: MARKS.jwtSecret }, { sub, role, tier: 'enterprise' }, 3600)
    Object.assign(made, { admin: token('root', 'admin'), user: token('alice', 'user') })
  })
  after(async () => {
    await system.stop()
    await receiver.close()
  })

  async function send(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: unknown,
  ): Promise<Sent> {
    const isText = typeof body === 'string'
    const response = await fetch(`http://${system.host}${path}`, {
      method,
      redirect: 'manual',
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    })
    const cookie = response.headers.get('set-cookie') ?? ''
    const shown = [...response.headers].filter(([name]) => name !== 'set-cookie')
    return { status: response.status, cookie, text: `${JSON.stringify(shown)} ${await response.text()}` }
  }

  async function show(...call: Parameters<typeof send>): Promise<Sent> {
    const answer = await send(...call)
    answers.push(`${call[0]} ${call[1].split('?')[0]} ${answer.text}`)
    return answer
  }

  const bearer = (token = '') => ({ authorization: `Bearer ${token}` })
  const read = ({ text }: Sent) => JSON.parse(text.slice(text.indexOf('] ') + 2))

  it('go in by every way there is', async () => {
    const admin = bearer(made['admin'])
    const headers = { 'X-Partner': SENT.header, Authorization: `Bearer ${SENT.header}` }
    const webhook = { url: receiver.url, events: ['*'], secret: SENT.webhookSecret, headers }
    const { id } = read(await show('POST', '/api/v1/webhooks', admin, webhook))
    made['key'] = read(await send('POST', '/api/v1/auth/api-keys', admin, { name: 'k' })).key
    const own = read(await send('POST', '/api/v1/auth/api-keys', admin, { name: 'rotated' }))
    made['oldKey'] = own.key
    made['rotatedKey'] = read(await send('POST', `/api/v1/auth/api-keys/${own.id}/rotate`, admin)).key
    made['ticket'] = read(await send('POST', '/api/v1/auth/tickets', admin)).ticket
    made['madeSecret'] = read(
      await send('POST', '/api/v1/webhooks', admin, { ...webhook, secret: undefined, events: ['model_trained'] }),
    ).secret
    const event = { event_type: 'system_error', data: { message: SENT.payload } }
    assert.equal((await show('POST', '/api/v1/events', { 'x-api-key': made['key'] ?? '' }, event)).status, 202)
    const events = read(await show('POST', `/api/v1/webhooks/test?webhook_id=${id}`, admin))
    assert.equal(events.webhook_id, id)
    await eventually(async () => (await system.database.db.query({ text: 'SELECT 1 FROM due' })).length === 0)
    const deliveries = read(await show('GET', `/api/v1/webhooks/${id}/deliveries`, admin)).deliveries
    const things = {
      webhook: id,
      delivery: deliveries[0].id,
      event: deliveries[0].event_id,
      key: own.id,
      recovery: 'rcv_1',
    }
    await show('GET', `/api/v1/webhooks/${id}/deliveries/${things.delivery}`, admin)
    await show('POST', `/api/v1/webhooks/${id}/deliveries/${things.delivery}/retry`, admin)
    await useBoard()
    await useStreams()
    await beWrong(things, webhook)
    await show('GET', '/metrics', bearer(MARKS.metricsToken))
    const metrics = await fetch(`http://127.0.0.1:${system.metricsPort}/metrics`, {
      headers: bearer(MARKS.metricsToken),
    })
    answers.push(await metrics.text())
    inRedis = await system.keys()
  })

  async function useBoard(): Promise<void> {
    const form = { 'content-type': 'application/x-www-form-urlencoded', origin: `http://${system.host}` }
    const login = await show('POST', '/admin/queues/login', form, `token=${made['key']}`)
    assert.equal(login.status, 303)
    await show('POST', '/admin/queues/login', form, `token=${SENT.badToken}`)
    const headers = { cookie: login.cookie.split(';')[0] ?? '' }
    for (const path of [
      '',
      '/queue/deliveries',
      '/api/queues?activeQueue=deliveries&status=failed&page=1&jobsPerPage=50',
    ])
      assert.equal((await show('GET', `/admin/queues${path}`, headers)).status, 200)
    const { queues } = read(await send('GET', '/admin/queues/api/queues?activeQueue=deliveries&status=failed', headers))
    assert.ok(queues[0].jobs.length > 0)
    for (const job of queues[0].jobs)
      for (const end of ['', '/logs'])
        await show('GET', `/admin/queues/api/queues/deliveries/${encodeURIComponent(job.id)}${end}`, headers)
  }

  async function useStreams(): Promise<void> {
    const tokens = [
      made['ticket'],
      made['key'],
      made['user'],
      SENT.badToken,
      `ara_${SENT.badKey}`,
      `tkt_${SENT.badKey}`,
    ]
    for (const token of tokens) {
      const client = openClient(`ws://${system.host}/ws/alerts?token=${token}`)
      client.send = () => undefined
      await Promise.race([client.next('connected').catch(() => undefined), client.ended])
      answers.push(JSON.stringify([client.frames, await client.close()]))
    }
    const late = openClient(`ws://${system.host}/ws/alerts`)
    late.socket.on('open', () => late.send({ type: 'auth', token: SENT.badToken }))
    answers.push(JSON.stringify([late.frames, await late.ended]))
  }

  /** Everything that is refused, with secrets in every place a caller may put one. */
  async function beWrong(things: Parameters<(typeof MATRIX)[string]['path']>[0], webhook: object): Promise<void> {
    const admin = bearer(made['admin'])
    for (const [name, { path, body }] of Object.entries(MATRIX)) {
      const [method = ''] = name.split(' ')
      const at = path(things)
      const token = `${at.includes('?') ? '&' : '?'}token=${SENT.badToken}`
      await show(method, at, bearer(SENT.badToken), body)
      await show(method, at + token, { 'x-api-key': SENT.badKey, cookie: `ara_board=${SENT.badToken}` }, body)
      if (method === 'GET') await show(method, at, admin)
      else await show(method, at, admin, `{"secret": "${SENT.webhookSecret}`)
    }
    for (const changes of [
      { secret: `${SENT.webhookSecret}\0` },
      { secret: SENT.webhookSecret.repeat(10) },
      { headers: { 'X-A': `${SENT.header}\n` } },
      { url: `http://u:${SENT.badToken}@example.org/` },
    ])
      assert.equal((await show('POST', '/api/v1/webhooks', admin, { ...webhook, ...changes })).status, 422)
  }

  it('go in while Redis and PostgreSQL are away, and where they refuse us', async () => {
    await system.redis.kill()
    const event = { event_type: 'alert_triggered', data: { symbol: 'AAPL', message: 'm' } }
    await show('POST', '/api/v1/events', bearer(made['admin']), event)
    await show('GET', '/health/ready')
    await system.admitDatabase(false)
    const missing = { webhook: 'wh_1', delivery: 'dlv_1', event: 'evt_1', key: 'key_1', recovery: 'rcv_1' }
    const asked = Object.entries(MATRIX).map(async ([name, { path, body }]) => {
      const [method = ''] = name.split(' ')
      const namesNothing = !name.includes(':id') && !name.includes('test')
      if (namesNothing) await show(method, path(missing), bearer(made['admin']), body)
      await show(method, path(missing), { 'x-api-key': made['key'] ?? '' }, body)
    })
    await Promise.all(asked)
    const port = new URL(system.database.url).port
    const refused = [
      system.start('worker'),
      system.start('web', { PORT: '0' }),
      system.start('worker', { DATABASE_URL: `postgres://marked:${SENT.badToken}@127.0.0.1:${port}/postgres` }),
      system.start('worker', { REDIS_URL: `redis://:${SENT.badToken}@127.0.0.1:${system.redis.port}` }),
    ]
    const misled = system.start('web', { JWT_SECRET: 'MARKED', SECRETS_KEY: SENT.badToken, METRICS_TOKEN: SENT.badKey })
    await Promise.all(refused.map((program) => program.waitFor(/store\.unreachable/, 150_000)))
    await Promise.all([misled.ended(), ...refused.map((program) => program.stop())])
    await system.admitDatabase(true)
  })

  it('come out nowhere: not in answers, logs, tables, Redis or boards', async () => {
    const places: [where: string, text: string][] = [
      ...answers.map((text): [string, string] => ['an answer', text]),
      ['the output', system.output()],
      ...(await system.tables()),
      ...inRedis,
    ]
    assert.ok(answers.length > 100 && system.output().includes('delivery.attempted'))
    const { payload, ...secrets } = SENT
    assertNowhere({ ...MARKS, ...secrets, ...made }, places)
    assert.ok(inRedis.some(([key]) => key.startsWith('{ara}:deliveries')))
    assertNowhere({ payload }, [['the output', system.output()], ...inRedis])
  })
})

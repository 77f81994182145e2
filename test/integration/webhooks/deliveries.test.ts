import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { eventually } from '../../support/eventually.ts'
import { type Response, startTestReceiver, type TestReceiver } from '../../support/receiver.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

const WEBHOOKS = '/api/v1/webhooks'
const SECRET = 'a-secret-of-my-own'
const SETTINGS = { DELIVERY_RETRY_BASE_MS: '20', DELIVERY_TIMEOUT_MS: '2000' }

interface Delivery {
  id: string
  status: string
  [field: string]: unknown
}

describe('the deliveries of a webhook', () => {
  let system: WebSystem
  let receiver: TestReceiver
  let user: string
  let respond: (count: number) => Response
  before(async () => {
    receiver = await startTestReceiver({ respond: () => respond(receiver.received.length) })
    system = await startWebSystem(SETTINGS, { work: true })
    user = system.token('alice')
  })
  after(async () => {
    await system?.stop()
    await receiver.close()
  })
  beforeEach(async () => {
    await system.db.query({ text: 'DELETE FROM webhooks' })
    receiver.received.length = 0
    respond = () => ({ status: 200, body: 'thanks' })
  })

  const create = async (fields: object = {}): Promise<string> => {
    const body = { url: `${receiver.url}/hook`, events: ['*'], secret: SECRET, ...fields }
    const answer = await system.call('POST', WEBHOOKS, { token: user, body })
    assert.equal(answer.status, 201, answer.text)
    return answer.body.id
  }
  const get = async (path: string) => (await system.call('GET', `${WEBHOOKS}${path}`, { token: user })).body
  const list = async (id: string, query = ''): Promise<Delivery[]> =>
    (await get(`/${id}/deliveries${query}`)).deliveries
  const retry = (id: string, delivery: string) =>
    system.call('POST', `${WEBHOOKS}/${id}/deliveries/${delivery}/retry`, { token: user })
  const publish = async (event_type = 'system_error', data: object = { message: 'it broke' }) => {
    const token = system.token('models', 'producer')
    return (await system.call('POST', '/api/v1/events', { token, body: { event_type, data } })).body
  }
  const untilStatus = (id: string, status: string) =>
    eventually(async () => {
      const [newest] = await list(id)
      assert.equal(newest?.status, status)
      return newest as Delivery
    })

  it('are shown one by one with every attempt: what was sent, secrets masked, and what came back', async () => {
    respond = (count) => (count === 1 ? { status: 503, body: 'not now' } : { status: 201, body: 'thanks' })
    const id = await create({ headers: { 'X-Team': 'blue-team' } })
    const event = await publish()
    const { id: delivery } = await untilStatus(id, 'success')
    const shown = await get(`/${id}/deliveries/${delivery}`)
    const [first, second] = shown.attempts
    const [sent] = receiver.received
    assert.equal(first.request.body, sent?.body)
    assert.deepEqual([first.request.method, first.request.url], ['POST', `${receiver.url}/hook`])
    const { 'X-Team': team, ...headers } = first.request.headers
    assert.equal(team, '***')
    assert.equal(sent?.headers['x-team'], 'blue-team')
    const lowerCased = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
    const { connection, 'x-team': _team, ...others } = sent?.headers ?? {}
    assert.equal(connection, 'keep-alive')
    assert.deepEqual(Object.fromEntries(lowerCased), others)
    const signature = createHmac('sha256', SECRET).update(first.request.body).digest('hex')
    assert.equal(headers['X-Webhook-Signature'], `sha256=${signature}`)
    assert.deepEqual([headers['X-Webhook-Delivery'], headers['X-Webhook-Event']], [delivery, 'system_error'])
    assert.deepEqual(JSON.parse(first.request.body), {
      data: { message: 'it broke' },
      event_id: event.event_id,
      event_type: 'system_error',
      timestamp: event.timestamp,
    })
    assert.deepEqual(
      [first.attempt, first.status, first.error, first.response.status, first.response.body],
      [1, 'failed', 'bad_status', 503, 'not now'],
    )
    assert.match(first.error_message, /503/)
    assert.deepEqual(
      [second.attempt, second.status, second.error, second.response.status, second.response.body],
      [2, 'success', null, 201, 'thanks'],
    )
    assert.equal(typeof second.response.headers.date, 'string')
    for (const attempt of shown.attempts) {
      assert.ok(Date.parse(attempt.finished_at) >= Date.parse(attempt.started_at))
      assert.equal(typeof attempt.duration_ms, 'number')
    }
    assert.deepEqual([shown.attempt, shown.response_code, shown.response_body], [2, 201, 'thanks'])
    assert.ok(!JSON.stringify(shown).includes('blue-team'))
    const webhook = await get(`/${id}`)
    assert.deepEqual([webhook.delivery_count, webhook.success_count, webhook.failure_count], [1, 1, 0])
    assert.deepEqual([webhook.last_delivery_status, typeof webhook.last_delivery_at], ['success', 'string'])
  })

  it('are listed newest first, by status, type and time, in pages', async () => {
    respond = () => ({ status: receiver.received.at(-1)?.headers['x-webhook-event'] === 'system_error' ? 200 : 400 })
    const id = await create({ max_attempts: 1 })
    for (let count = 0; count < 5; count += 1) await publish()
    await eventually(async () => assert.equal((await list(id, '?status=success')).length, 5))
    await new Promise((resolve) => setTimeout(resolve, 5))
    const between = new Date().toISOString()
    await publish('model_trained', { model_id: 'm', model_type: 't' })
    const { id: failed } = await untilStatus(id, 'failed')
    const idsOf = async (query: string) => (await list(id, query)).map((delivery) => delivery.id)
    const all = await idsOf('')
    assert.deepEqual(all, [...all].sort().reverse())
    assert.deepEqual([all.length, all[0]], [6, failed])
    for (const query of ['?status=failed', '?event_type=model_trained', `?since=${between}`]) {
      assert.deepEqual(await idsOf(query), [failed], query)
    }
    assert.deepEqual(await idsOf(`?until=${between}`), all.slice(1))
    for (const status of ['pending', 'delivering', 'retrying', 'canceled']) {
      assert.deepEqual(await idsOf(`?status=${status}`), [])
    }
    const seen: string[] = []
    for (let query: string | null = '?limit=4'; query !== null; ) {
      const page: { deliveries: Delivery[]; next_cursor: string | null } = await get(`/${id}/deliveries${query}`)
      seen.push(...page.deliveries.map((delivery) => delivery.id))
      query = page.next_cursor === null ? null : `?limit=4&cursor=${page.next_cursor}`
    }
    assert.deepEqual(seen, all)
    assert.equal((await system.call('GET', `${WEBHOOKS}/${id}/deliveries?status=lost`, { token: user })).status, 422)
  })

  it('are retried at once: one more attempt of the same delivery with the next number', async () => {
    respond = (count) => ({ status: count === 1 ? 500 : 200 })
    const id = await create({ max_attempts: 1 })
    await publish()
    const { id: delivery } = await untilStatus(id, 'failed')
    const { status, body } = await retry(id, delivery)
    assert.deepEqual([status, body.id], [202, delivery])
    assert.ok(['retrying', 'delivering', 'success'].includes(body.status))
    await untilStatus(id, 'success')
    assert.deepEqual(
      receiver.received.map(({ headers }) => [headers['x-webhook-attempt'], headers['idempotency-key']]),
      [
        ['1', delivery],
        ['2', delivery],
      ],
    )
    assert.equal(receiver.received[0]?.body, receiver.received[1]?.body)
    const webhook = await get(`/${id}`)
    assert.deepEqual([webhook.delivery_count, webhook.success_count, webhook.failure_count], [1, 1, 0])
    assert.equal((await retry(id, delivery)).status, 202)
    await eventually(() => receiver.received.length === 3)
  })

  it('cannot be retried while an attempt is under way, nor while the webhook is off', async () => {
    respond = () => ({ status: 200, delayMs: 1000 })
    const id = await create()
    await publish()
    const { id: delivery } = await untilStatus(id, 'delivering')
    assert.deepEqual(
      [(await list(id, '?status=delivering')).length, (await list(id, '?status=pending')).length],
      [1, 0],
    )
    const underWay = await retry(id, delivery)
    assert.deepEqual([underWay.status, underWay.body.error], [409, 'attempt_under_way'])
    await untilStatus(id, 'success')
    await system.call('PATCH', `${WEBHOOKS}/${id}`, { token: user, body: { active: false } })
    const off = await retry(id, delivery)
    assert.deepEqual([off.status, off.body.error], [409, 'webhook_inactive'])
    assert.equal(receiver.received.length, 1)
  })

  it('end when the receiver says 410, which turns the webhook off and says why', async () => {
    respond = () => ({ status: 410 })
    const id = await create()
    await publish()
    await untilStatus(id, 'failed')
    const webhook = await eventually(async () => {
      const shown = await get(`/${id}`)
      assert.equal(shown.active, false)
      return shown
    })
    assert.equal(webhook.disabled_reason, 'The receiver answered 410 Gone.')
    const [delivery] = await list(id)
    assert.deepEqual([delivery?.['error'], delivery?.['response_code'], delivery?.['attempt']], ['gone', 410, 1])
    assert.equal((await publish()).deliveries, 0)
  })
})

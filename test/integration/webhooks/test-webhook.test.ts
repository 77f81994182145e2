import assert from 'node:assert/strict'
import { type Response, startTestReceiver, type TestReceiver } from '../../support/receiver.ts'
import { type Answer, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const WEBHOOKS = '/api/v1/webhooks'

describe('the test of a webhook', () => {
  let system: WebSystem
  let receiver: TestReceiver
  let user: string
  let response: Response
  before(async () => {
    receiver = await startTestReceiver({ respond: () => response })
    system = await startWebSystem({}, { work: true })
    user = system.token('alice')
  })
  after(async () => {
    await system?.stop()
    await receiver.close()
  })
  beforeEach(() => {
    receiver.received.length = 0
    response = { status: 200, body: 'thanks' }
  })

  const create = async (fields: object = {}): Promise<string> => {
    const body = { url: receiver.url, events: ['*'], ...fields }
    return (await system.call('POST', WEBHOOKS, { token: user, body })).body.id
  }
  const test = (id: string, body?: object): Promise<Answer> =>
    system.call('POST', `${WEBHOOKS}/test?webhook_id=${id}`, { token: user, body })
  const get = async (path: string) => (await system.call('GET', path, { token: user })).body

  it('sends the example of a type and answers what happened', async () => {
    const id = await create()
    const { status, body } = await test(id)
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body), ['message', 'webhook_id', 'delivery'])
    assert.deepEqual([body.message, body.webhook_id], ['The test event was delivered.', id])
    const { delivery } = body
    assert.deepEqual(
      [delivery.status, delivery.test, delivery.attempt, delivery.max_attempts, delivery.response_body],
      ['success', true, 1, 1, 'thanks'],
    )
    const [sent] = receiver.received
    assert.deepEqual(
      [sent?.headers['x-webhook-test'], sent?.headers['x-webhook-event'], sent?.headers['x-webhook-delivery']],
      ['true', 'prediction_complete', delivery.id],
    )
    const types = await get('/api/v1/event-types')
    assert.deepEqual(JSON.parse(sent?.body ?? '').data, types.event_types[0].example)
  })

  it('sends the first type that the webhook subscribes to, or the one that is named', async () => {
    const id = await create({ events: ['backtest_complete', 'alert_triggered'] })
    for (const [body, type] of [
      [undefined, 'backtest_complete'],
      [{}, 'backtest_complete'],
      [{ event_type: 'webhook_disabled' }, 'webhook_disabled'],
    ] as const) {
      assert.equal((await test(id, body)).body.delivery.event_type, type)
    }
    assert.equal((await test(id, { event_type: 'nothing' })).status, 422)
    assert.equal((await test(id, { type: 'alert_triggered' })).status, 422)
  })

  it('makes one attempt and says how it failed', async () => {
    for (const [answer, error, code] of [
      [{ status: 500, body: 'broken' }, 'bad_status', 500],
      ['reset', 'connection_reset', null],
      [{ status: 410 }, 'gone', 410],
    ] as const) {
      response = answer
      const id = await create()
      const { status, body } = await test(id)
      assert.equal(status, 200)
      assert.match(body.message, /^The test event was not delivered\. \S/)
      assert.deepEqual(
        [body.delivery.status, body.delivery.error, body.delivery.response_code],
        ['failed', error, code],
      )
      assert.equal((await get(`${WEBHOOKS}/${id}`)).active, true)
    }
    assert.equal(receiver.received.length, 3)
  })

  it('reaches a webhook that is off, and nobody else', async () => {
    const other = await create()
    const id = await create({ active: false })
    assert.equal((await test(id)).body.delivery.status, 'success')
    assert.equal(receiver.received.length, 1)
    assert.deepEqual((await get(`${WEBHOOKS}/${other}/deliveries`)).deliveries, [])
  })

  it('moves no counter and is no event of the list', async () => {
    const id = await create()
    const { delivery } = (await test(id)).body
    const webhook = await get(`${WEBHOOKS}/${id}`)
    assert.deepEqual([webhook.delivery_count, webhook.success_count, webhook.last_delivery_at], [0, 0, null])
    const { events } = await get('/api/v1/events?limit=100')
    assert.ok(!events.some((event: { event_id: string }) => event.event_id === delivery.event_id))
    const listed = (await get(`${WEBHOOKS}/${id}/deliveries`)).deliveries
    assert.deepEqual(
      listed.map((one: { id: string; test: boolean }) => [one.id, one.test]),
      [[delivery.id, true]],
    )
  })

  it('needs the id of a webhook', async () => {
    assert.equal((await system.call('POST', `${WEBHOOKS}/test`, { token: user })).status, 422)
    assert.equal((await test('wh_1')).status, 404)
  })

  it('answers 202 when it is still under way after 10 s', async () => {
    response = 'hang'
    const id = await create()
    const startedAt = performance.now()
    const { status, body } = await test(id)
    assert.ok(performance.now() - startedAt < 12_000)
    assert.deepEqual([status, body.delivery.status], [202, 'delivering'])
    // Deleted, it is nobody's work; the receiver lets go of the attempt.
    await system.call('DELETE', `${WEBHOOKS}/${id}`, { token: user })
    await receiver.close()
  })
})

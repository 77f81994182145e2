import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { DeliveryAttempt, StreamMessage } from '../../../client/src/server-frames.ts'
import { makeToken } from '../../../src/identity/make-token.ts'
import { closeClients, numbersOf, startClient } from '../../support/client-stage.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestReceiver, type TestReceiver } from '../../support/receiver.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { type StreamLink, startLink } from '../../support/stream-link.ts'
import { JWT_SECRET, startWebSystem, type WebSystem } from '../../support/web-system.ts'

describe('the client, on a system whose streams are in Redis', function () {
  this.timeout(60_000)

  let redis: TestRedis
  let system: WebSystem
  let receiver: TestReceiver
  let link: StreamLink
  let url: string
  let symbols = 0
  let symbol: string

  before(async () => {
    redis = await startRedis()
    receiver = await startTestReceiver()
    system = await startWebSystem({ REDIS_URL: redis.url, DELIVERY_RETRY_BASE_MS: '20' }, { work: true })
    link = await startLink(system.port)
    url = `http://127.0.0.1:${link.port}`
  })
  beforeEach(() => {
    symbols += 1
    symbol = `R${symbols}`
    receiver.received.length = 0
  })
  afterEach(() => {
    closeClients()
    link.mend()
  })
  after(async () => {
    await link?.close()
    await system?.stop()
    await receiver?.close()
    await redis?.stop()
  })

  it('goes on without a hole after a lost connection, with the messages of all and its own', async () => {
    const { client, told, until } = startClient({ url, token: system.token('alice') })
    const got: StreamMessage[] = []
    const subscription = client.subscribe({ channel: 'predictions', symbol }, (one) => got.push(one))
    await eventually(() => subscription.position !== null && subscription.userPosition !== null)
    const both = async () => {
      await predict()
      await predict('alice')
      await predict('bob')
    }
    await both()
    await eventually(() => assert.equal(got.length, 2))
    link.cut()
    await until('waiting')
    await both()
    link.mend()
    await eventually(() => assert.equal(got.length, 4))
    await both()
    await eventually(() => assert.equal(got.length, 6))
    const ofAll = got.filter(({ scope }) => scope === undefined)
    const own = got.filter(({ scope }) => scope === 'user')
    assert.deepEqual([ofAll, own].map(numbersOf), [
      [1, 2, 3],
      [1, 2, 3],
    ])
    assert.deepEqual(told, [])
  })

  it('tells of a numbering that began anew when Redis was emptied', async () => {
    const { client, told } = startClient({ url, token: system.token('alice') })
    const got: StreamMessage[] = []
    const subscription = client.subscribe({ channel: 'market-data', symbol, snapshot: false }, (one) => got.push(one))
    await eventually(() => subscription.position !== null)
    const epoch = subscription.position?.epoch
    await publishPrices(3)
    await eventually(() => assert.equal(got.length, 3))
    await redis.flushAll()
    await eventually(async () => {
      await publishPrices(1)
      assert.ok(got.length > 3)
    })
    assert.notEqual(subscription.position?.epoch, epoch)
    const gaps = told.filter((one) => (one as { name: string }).name === 'gap')
    assert.deepEqual(gaps, [{ name: 'gap', channel: 'market-data', symbol, from: 4, to: null }])
  })

  it('gets the newest price at most once in the time it asked for, also after a reconnection', async () => {
    const { client, told, until } = startClient({ url, token: system.token('alice') })
    const got: (StreamMessage & { conflated?: boolean })[] = []
    client.subscribe({ channel: 'market-data', symbol, conflateMs: 500 }, (one) => got.push(one))
    const joined = new Promise((resolve) => client.on('frame', ({ type }) => type === 'subscribed' && resolve(null)))
    await joined
    for (let round = 0; round < 10; round += 1) await publishPrices(10)
    await eventually(() => assert.equal(got.at(-1)?.seq, 100))
    assert.ok(got.length < 50, `${got.length} of 100`)
    assert.ok(got.some(({ conflated }) => conflated === true))
    link.cut()
    await until('waiting')
    await publishPrices(5)
    link.mend()
    await eventually(() => assert.equal(got.at(-1)?.seq, 105))
    assert.deepEqual(told, [])
  })

  it('brings each attempt to deliver to the webhooks that it watches, with the request where it is asked for', async () => {
    const token = system.token('alice')
    const [first, second] = [await createWebhook(token, '/first'), await createWebhook(token, '/second')]
    const { client, told, until } = startClient({ url, token })
    const [all, one]: [DeliveryAttempt[], DeliveryAttempt[]] = [[], []]
    const watching = countWatches(client)
    client.watchDeliveries({}, (attempt) => all.push(attempt))
    const watch = client.watchDeliveries({ webhookId: first, include: 'request' }, (attempt) => one.push(attempt))
    await eventually(() => assert.equal(watching(), 2))
    // Workers look once a second for what is watched.
    await setTimeout(2_500)
    await predict()
    await eventually(() => assert.deepEqual([all.length, one.length], [2, 1]))
    assert.deepEqual(new Set(all.map(({ webhook_id }) => webhook_id)), new Set([first, second]))
    assert.equal(one[0]?.attempt_status, 'success')
    assert.equal(one[0]?.request?.body, receiver.received[0]?.body)
    link.cut()
    await until('waiting')
    link.mend()
    await eventually(() => assert.equal(watching(), 4))
    watch.stop()
    await predict()
    await eventually(() => assert.equal(all.length, 4))
    assert.equal(one.length, 1)
    assert.deepEqual(told, [])
    client.watchDeliveries({ webhookId: 'wh_0198b2f0-0000-7000-8000-000000000000' }, () => undefined)
    await eventually(() => assert.equal((told[0] as { code?: string } | undefined)?.code, 'no_such_webhook'))
    for (const id of [first, second]) await system.call('DELETE', `/api/v1/webhooks/${id}`, { token })
  })

  it('asks for a new ticket for each connection, and before its session ends', async () => {
    // 60 seconds before its end the server says so.
    let session = makeToken({ secret: JWT_SECRET }, { sub: 'alice', role: 'user', tier: 'free' }, 62)
    const tickets: string[] = []
    const { client, told, states, until } = startClient({
      url,
      async token() {
        const { body } = await system.call('POST', '/api/v1/auth/tickets', { token: session })
        tickets.push(body.ticket)
        return body.ticket
      },
    })
    const got: StreamMessage[] = []
    const frames: string[] = []
    client.on('frame', ({ type }) => frames.push(type))
    const subscription = client.subscribe({ channel: 'predictions', symbol }, (one) => got.push(one))
    await eventually(() => subscription.userPosition !== null)
    session = system.token('alice')
    await eventually(() => assert.ok(frames.includes('authenticated')), { timeoutMs: 30_000 })
    assert.ok(frames.indexOf('token_expiring') < frames.indexOf('authenticated'))
    assert.equal(states.filter(({ state }) => state === 'open').length, 1)
    await predict('alice')
    await eventually(() => assert.deepEqual(numbersOf(got), [1]))
    link.cut()
    await until('waiting')
    await predict('alice')
    link.mend()
    await eventually(() => assert.deepEqual(numbersOf(got), [1, 2]))
    assert.equal(new Set(tickets).size, 3)
    assert.deepEqual(told, [])
  })

  /** How often it was told that a watch has begun. */
  function countWatches(client: ReturnType<typeof startClient>['client']): () => number {
    let count = 0
    client.on('frame', (frame) => {
      if (frame.type === 'subscribed' && frame.channel === 'deliveries') count += 1
    })
    return () => count
  }

  async function createWebhook(token: string, path: string): Promise<string> {
    const body = { url: `${receiver.url}${path}`, events: ['prediction_complete'], symbols: [symbol] }
    return (await system.call('POST', '/api/v1/webhooks', { token, body })).body.id
  }

  async function predict(userId?: string): Promise<void> {
    const data = { symbol, predicted_price: 2, current_price: 1, confidence: 0.5 }
    const body = { event_type: 'prediction_complete', data, ...(userId === undefined ? {} : { user_id: userId }) }
    const { status } = await system.call('POST', '/api/v1/events', { token: system.token('model', 'producer'), body })
    assert.equal(status, 202)
  }

  async function publishPrices(count: number): Promise<void> {
    const messages = Array.from({ length: count }, () => ({ channel: 'market-data', symbol, data: { close: 1 } }))
    const token = system.token('feed', 'producer')
    const { status } = await system.call('POST', '/api/v1/publish', { token, body: { messages } })
    assert.equal(status, 202)
  }
})

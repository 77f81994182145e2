import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { StreamMessage } from '../../../client/src/server-frames.ts'
import type { StreamSubscription } from '../../../client/src/stream-wish.ts'
import { openClientBench } from '../../support/client-bench.ts'
import { numbersOf, startClient } from '../../support/client-stage.ts'
import { eventually } from '../../support/eventually.ts'
import type { StreamLink } from '../../support/stream-link.ts'
import { message, prices } from '../../support/stream-server.ts'

const SCROLLED_MS = 4_000
/** What a socket may have. */
const MOST = 1_000

describe('a client that is asked for much', function () {
  this.timeout(60_000)

  const bench = openClientBench()
  const { publish, publishPrices } = bench
  let link: StreamLink
  let url: string
  let symbol: string
  let sent: { type: string; id?: unknown; subscriptions?: { symbol: string }[] }[]
  let sentOne: (() => void) | undefined
  /** Whose frames a test may look at. */
  class ReadSocket extends WebSocket {
    override send(text: string): void {
      assert.ok(Buffer.byteLength(text) <= 64 * 1024)
      sent.push(JSON.parse(text))
      super.send(text)
      sentOne?.()
    }
  }
  const start = (options: { token?: string | (() => string) } = {}) =>
    startClient({ url, WebSocket: ReadSocket, ...options })

  beforeEach(() => {
    link = bench.link()
    url = bench.url()
    symbol = bench.symbol()
    sent = []
    sentOne = undefined
  })

  it('stays connected while a list is scrolled, and has the streams that are shown in the end', async () => {
    const { client, states, told, until } = start()
    await until('open')
    const got = new Map<string, StreamMessage[]>()
    const shown = new Map<string, StreamSubscription>()
    const end = Date.now() + SCROLLED_MS
    for (let row = 0; Date.now() < end; row += 1) {
      const name = `${symbol}R${row}`
      const messages: StreamMessage[] = []
      got.set(name, messages)
      shown.set(
        name,
        client.subscribe({ channel: 'market-data', symbol: name }, (one) => messages.push(one)),
      )
      await setTimeout(10)
      const [[oldest, subscription] = []] = shown
      if (shown.size > 5 && oldest !== undefined) {
        subscription?.unsubscribe()
        shown.delete(oldest)
      }
      await setTimeout(10)
    }
    await eventually(() => assert.ok([...shown.values()].every(({ position }) => position !== null)))
    for (const messages of got.values()) messages.length = 0
    await publish([...got.keys()].flatMap((name) => prices(name, 2)))
    await eventually(() => {
      for (const name of shown.keys()) assert.deepEqual(numbersOf(got.get(name) ?? []), [1, 2], name)
    })
    for (const [name, messages] of got) if (!shown.has(name)) assert.deepEqual(messages, [], name)
    assert.deepEqual(told, [])
    assert.deepEqual(
      states.map(({ state }) => state),
      ['connecting', 'open'],
    )
  })

  it('sends nothing for a stream that is left before it was asked for, and has left what it no longer wants', async () => {
    const { client, states, until } = start()
    await until('open')
    const kept = client.subscribe({ channel: 'market-data', symbol })
    const unseen = client.subscribe({ channel: 'alerts' })
    unseen.unsubscribe()
    await eventually(() => assert.notEqual(kept.position, null))
    assert.deepEqual(
      sent.map(({ type, subscriptions }) => [type, subscriptions?.length]),
      [['subscribe', 1]],
    )
    for (let row = 0; row < 300; row += 1) {
      client.subscribe({ channel: 'market-data', symbol: `${symbol}X${row}` }).unsubscribe()
      if (row % 10 === 0) await setTimeout(1)
    }
    kept.unsubscribe()
    await eventually(() => assert.deepEqual(sent.at(-1)?.type, 'unsubscribe'))
    assert.equal(sent.length, 2)
    await publishPrices(1)
    assert.equal(states.length, 2)
  })

  it('begins a stream anew that is left and subscribed to again at once, also from where it was', async () => {
    await publishPrices(3)
    const { client, told } = start()
    const [first, second, third]: StreamMessage[][] = [[], [], []]
    const wish = { channel: 'market-data', symbol } as const
    const one = client.subscribe(wish, (got) => first?.push(got))
    await eventually(() => assert.deepEqual(numbersOf(first ?? []), ['snapshot 3']))
    const since = { epoch: one.position?.epoch ?? '', seq: 1 }
    one.unsubscribe()
    const two = client.subscribe(wish, (got) => second?.push(got))
    await eventually(() => assert.deepEqual(numbersOf(second ?? []), ['snapshot 3']))
    two.unsubscribe()
    client.subscribe({ ...wish, since, snapshot: false }, (got) => third?.push(got))
    await eventually(() => assert.deepEqual(numbersOf(third ?? []), [2, 3]))
    await publishPrices(1)
    await eventually(() => assert.deepEqual(numbersOf(third ?? []), [2, 3, 4]))
    assert.deepEqual(
      [first, second].map((got) => got?.length),
      [1, 1],
    )
    assert.deepEqual(told, [])
  })

  it('takes no answer to an earlier request for one to a later', async () => {
    await publishPrices(5)
    const { client, told, until } = start()
    await until('open')
    const early = client.subscribe({ channel: 'market-data', symbol })
    await eventually(() => assert.notEqual(early.position, null))
    const since = { epoch: early.position?.epoch ?? '', seq: 2 }
    early.unsubscribe()
    await eventually(() => assert.equal(sent.at(-1)?.type, 'unsubscribe'))
    // Until calls wait to be gathered.
    for (let call = 0; sent.length < call + 2; call += 1) {
      client.subscribe({ channel: 'predictions', symbol: `${symbol}P${call}` })
      await Promise.resolve().then(() => undefined)
    }
    const got: StreamMessage[] = []
    const again = client.subscribe({ channel: 'market-data', symbol })
    sentOne = () => {
      sentOne = undefined
      again.unsubscribe()
      client.subscribe({ channel: 'market-data', symbol, since, snapshot: false }, (one) => got.push(one))
    }
    await eventually(() => assert.deepEqual(numbersOf(got), [3, 4, 5]))
    assert.deepEqual(told, [])
  })

  it('replaces as many streams as a socket may have, and goes on with all of them after a lost connection', async () => {
    const { client, told, states, until } = start({ token: 'alice' })
    const names = (list: string) => Array.from({ length: MOST }, (_, index) => `${symbol}${list}${index}`)
    const follow = (list: string) =>
      names(list).map((one) => {
        const got: StreamMessage[] = []
        const wish = { channel: 'predictions', symbol: one } as const
        return { got, subscription: client.subscribe(wish, (each) => got.push(each)) }
      })
    const begun = (list: ReturnType<typeof follow>) =>
      eventually(() => assert.ok(list.every(({ subscription }) => subscription.userPosition !== null)))
    const before = follow('A')
    await begun(before)
    for (const { subscription } of before) subscription.unsubscribe()
    const after = follow('B')
    await begun(after)
    const round = () => publish(names('B').map((one) => message({ channel: 'predictions', symbol: one })))
    await round()
    await eventually(() => assert.ok(after.every(({ got }) => got.length === 1)))
    link.cut()
    await until('waiting')
    await round()
    const asked = sent.length
    link.mend()
    await eventually(() => assert.ok(after.every(({ got }) => got.length === 2)))
    const frames = sent.slice(asked).filter(({ type }) => type === 'subscribe')
    assert.ok(frames.length > 1)
    assert.equal(new Set(frames.flatMap(({ subscriptions }) => subscriptions?.map((one) => one.symbol))).size, MOST)
    assert.deepEqual(told, [])
    assert.equal(states.filter(({ state }) => state === 'open').length, 2)
  })

  it('asks for no more than the server takes when all is replaced over and over, and has the last in the end', async () => {
    const { client, told, states, until } = start()
    await until('open')
    const begin = Date.now()
    let shown: StreamSubscription[] = []
    for (let page = 0; Date.now() < begin + SCROLLED_MS; page += 1) {
      for (const subscription of shown) subscription.unsubscribe()
      const names = Array.from({ length: 900 }, (_, row) => `${symbol}P${page}R${row}`)
      shown = names.map((one) => client.subscribe({ channel: 'market-data', symbol: one }))
      await setTimeout(50)
    }
    await eventually(() => assert.ok(shown.every(({ position }) => position !== null)), { timeoutMs: 20_000 })
    const entries = sent.reduce((sum, { subscriptions }) => sum + (subscriptions?.length ?? 0), 0)
    assert.ok(entries <= 3_000 + (500 * (Date.now() - begin)) / 1000, `${entries}`)
    assert.deepEqual(told, [])
    assert.equal(states.length, 2)
  })

  it('stays connected when it renews its token and watches webhooks as often as it likes', async () => {
    const { client, told, states, until } = start({ token: () => 'alice' })
    await until('open')
    const webhooks = Array.from(
      { length: 60 },
      (_, index) => `wh_0198b2f0-0000-7000-8000-${String(index).padStart(12, '0')}`,
    )
    for (const webhookId of webhooks) {
      client.watchDeliveries({ webhookId }, () => undefined)
      void client.renewToken()
    }
    await eventually(() => assert.equal(told.length, webhooks.length), { timeoutMs: 20_000 })
    assert.ok(told.every((one) => (one as { code: string }).code === 'no_such_webhook'))
    assert.ok(sent.some(({ type }) => type === 'auth'))
    assert.equal(states.length, 2)
  })

  it('refuses options that make no sense, which would spoil a frame for other streams', () => {
    const { client } = start()
    const since = { epoch: 'e', seq: 1 }
    for (const wish of [
      { channel: 'alerts', conflateMs: 500 },
      { channel: 'market-data', symbol, conflateMs: 500, since },
      { channel: 'market-data', symbol: '*', since },
      { channel: 'predictions', symbol: 'A'.repeat(65) },
      { channel: 'predictions', symbol, since: { epoch: 'no epoch', seq: 1 } },
      { channel: 'predictions', symbol, userSince: { epoch: 'e', seq: -1 } },
    ] as const) {
      assert.throws(() => client.subscribe(wish), TypeError)
    }
  })
})

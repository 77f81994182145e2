import assert from 'node:assert/strict'
import type { StreamMessage } from '../../../client/src/server-frames.ts'
import { openClientBench } from '../../support/client-bench.ts'
import { numbersOf, startClient } from '../../support/client-stage.ts'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import type { StreamLink } from '../../support/stream-link.ts'
import { message, prices } from '../../support/stream-server.ts'

describe('the subscriptions of a client', () => {
  const bench = openClientBench()
  const { publish, publishPrices } = bench
  let link: StreamLink
  let url: string
  let symbol: string
  beforeEach(() => {
    link = bench.link()
    url = bench.url()
    symbol = bench.symbol()
  })

  it('takes hundreds of streams on one socket and subscribes to them again', async () => {
    const { client, states, until } = startClient({ url })
    const got = new Map<string, number[]>()
    const many = Array.from({ length: 400 }, (_, index) => `${symbol}M${index}`)
    const all = many.map((one) => {
      const numbers: number[] = []
      got.set(one, numbers)
      return client.subscribe({ channel: 'market-data', symbol: one, snapshot: false }, ({ seq }) => numbers.push(seq))
    })
    await eventually(() => assert.ok(all.every(({ position }) => position !== null)))
    const round = () => publish(many.flatMap((one) => prices(one, 1)))
    await round()
    link.cut()
    await until('waiting')
    await round()
    link.mend()
    await until('open')
    await round()
    await eventually(() => assert.ok([...got.values()].every((numbers) => numbers.length === 3)))
    for (const numbers of got.values()) assert.deepEqual(numbers, [1, 2, 3])
    assert.equal(states.filter(({ state }) => state === 'open').length, 2)
  })

  it('brings a symbol once to its listeners and to those of the wildcard, and tells what a wildcard lost', async () => {
    const { client, told, until } = startClient({ url, token: 'alice' })
    const [exact, wild, all]: [StreamMessage[], StreamMessage[], StreamMessage[]] = [[], [], []]
    client.on('message', (one) => all.push(one))
    const stops = client.subscribe({ channel: 'market-data', symbol, snapshot: false }, (one) => exact.push(one))
    client.subscribe({ channel: 'market-data', symbol: '*', snapshot: false }, (one) => wild.push(one))
    await eventually(() => stops.position !== null)
    await publishPrices(2)
    await eventually(() => assert.deepEqual([exact, wild, all].map(numbersOf), [range(1, 2), range(1, 2), range(1, 2)]))
    stops.unsubscribe()
    await publishPrices(1)
    await eventually(() => assert.deepEqual([exact, wild].map(numbersOf), [range(1, 2), range(1, 3)]))
    link.cut()
    await until('waiting')
    await publishPrices(3)
    link.mend()
    await until('open')
    await eventually(async () => {
      await publishPrices(1)
      assert.ok(wild.length > 3)
    })
    const [next] = numbersOf(wild).slice(3)
    assert.deepEqual(told, [{ name: 'gap', channel: 'market-data', symbol, from: 4, to: Number(next) - 1 }])
  })

  it('shares a stream among those that ask for the same, and refuses another way of seeing it', async () => {
    const { client } = startClient({ url })
    const wish = { channel: 'market-data', symbol, conflateMs: 500 } as const
    const [first, second]: [StreamMessage[], StreamMessage[]] = [[], []]
    const [one, other] = [
      client.subscribe(wish, (got) => first.push(got)),
      client.subscribe(wish, (got) => second.push(got)),
    ]
    for (const changes of [
      { conflateMs: 100 },
      { conflateMs: undefined },
      { snapshot: false },
      { since: { epoch: 'e', seq: 1 } },
    ]) {
      assert.throws(() => client.subscribe({ ...wish, ...changes } as typeof wish), TypeError)
    }
    await eventually(async () => {
      await publishPrices(1)
      assert.ok(first.length > 0 && second.length > 0)
    })
    one.unsubscribe()
    const before = first.length
    await eventually(async () => {
      await publishPrices(1)
      assert.ok(second.length > before + 1)
    })
    assert.equal(first.length, before)
    other.unsubscribe()
    client.subscribe({ ...wish, conflateMs: 100 })
  })

  it('does not bring an event again that is announced again', async () => {
    const { client } = startClient({ url })
    const got: StreamMessage[] = []
    const subscription = client.subscribe({ channel: 'alerts' }, (one) => got.push(one))
    await eventually(() => subscription.position !== null)
    const alert = (eventId: string) => message({ channel: 'alerts', symbol: null, eventId })
    const start = subscription.position?.seq ?? 0
    await publish([alert('evt_1'), alert('evt_1'), alert('evt_2'), alert('evt_1')])
    await eventually(() => assert.equal(subscription.position?.seq, start + 4))
    assert.deepEqual(
      got.map((one) => one.event_id),
      ['evt_1', 'evt_2'],
    )
  })

  it('says which subscriptions are refused, and keeps the others', async () => {
    const { client, told } = startClient({ url })
    const good = client.subscribe({ channel: 'market-data', symbol })
    client.subscribe({ channel: 'market-data', symbol: '*' })
    client.subscribe({ channel: 'market-data', symbol: 'no symbol' })
    await eventually(() => assert.equal(told.length, 2))
    const codes = told.map((one) => (one as { code: string }).code)
    assert.deepEqual(codes.sort(), ['forbidden', 'no_such_stream'])
    await eventually(() => good.position !== null)
  })
})

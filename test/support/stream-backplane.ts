import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Backplane, Heard } from '../../src/streams/backplane.ts'
import { eventually } from './eventually.ts'
import { message, prices } from './stream-server.ts'

/** What a backplane told of one stream after another. */
export interface Ear {
  heard: Heard[]
  numbers(stream: string): number[]
  gaps(): Extract<Heard, { kind: 'gap' }>[]
}

export function listenTo(backplane: Backplane): Ear {
  const heard: Heard[] = []
  backplane.onHeard((one) => void heard.push(one))
  return {
    heard,
    numbers: (stream) =>
      heard.flatMap((one) => (one.kind === 'frame' && one.stream === stream ? [JSON.parse(one.frame).seq] : [])),
    gaps: () => heard.filter((one) => one.kind === 'gap'),
  }
}

export const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

/**
 * What every backplane promises.
 * @param open two ends of one backplane, with nothing published on them yet; of a single process both are the same
 */
export function promisesOfABackplane(open: () => Promise<{ near: Backplane; far: Backplane }>): void {
  let near: Backplane
  let far: Backplane
  let ear: Ear
  let symbols = 0
  let symbol: string
  let stream: string

  before(async () => {
    ;({ near, far } = await open())
    ear = listenTo(near)
  })
  beforeEach(() => {
    symbols += 1
    symbol = `S${symbols}`
    stream = `market-data/${symbol}`
  })
  afterEach(() => assert.deepEqual(ear.gaps(), []))

  it('numbers the messages of each stream from one', async () => {
    await near.follow(stream)
    assert.deepEqual([near.position(stream)?.seq, near.position(stream)?.last], [0, null])
    await far.publish(prices(symbol, 3))
    await near.publish([message({ symbol: 'OTHER' }), ...prices(symbol, 1), message({ symbol: 'OTHER' })])
    await eventually(() => assert.deepEqual(ear.numbers(stream), [1, 2, 3, 4]))
    assert.deepEqual(ear.numbers('market-data/OTHER'), [])
    const position = near.position(stream)
    assert.equal(position?.seq, 4)
    assert.deepEqual(JSON.parse(position?.last ?? ''), {
      ...{ type: 'market_data_update', symbol, data: { n: 1 }, timestamp: '2026-11-23T12:00:00.000Z', seq: 4 },
    })
  })

  it('numbers what is for one user apart', async () => {
    const own = `predictions/${symbol}@bob`
    await near.follow(`predictions/${symbol}`)
    await near.follow(own)
    const shared = message({ channel: 'predictions', symbol })
    await far.publish([shared, { ...shared, userId: 'bob' }, { ...shared, userId: 'eve' }, shared])
    await eventually(() => assert.deepEqual(ear.numbers(`predictions/${symbol}`), [1, 2]))
    await eventually(() => assert.deepEqual(ear.numbers(own), [1]))
  })

  it('knows the position and the last message of a stream that was published before it was followed', async () => {
    await far.publish(prices(symbol, 5))
    assert.equal(near.position(stream), null)
    await near.follow(stream)
    const position = near.position(stream)
    assert.deepEqual([position?.seq, JSON.parse(position?.last ?? '').data], [5, { n: 5 }])
    assert.deepEqual(ear.numbers(stream), [])
  })

  it('is silent about a stream that is not followed any more, and goes on when it is again', async () => {
    await near.follow(stream)
    await far.publish(prices(symbol, 1))
    await eventually(() => assert.deepEqual(ear.numbers(stream), [1]))
    near.unfollow(stream)
    assert.equal(near.position(stream), null)
    await far.publish(prices(symbol, 2))
    await near.follow(stream)
    assert.equal(near.position(stream)?.seq, 3)
    near.unfollow(stream)
    await near.follow(stream)
    await far.publish(prices(symbol, 1))
    await eventually(() => assert.deepEqual(ear.numbers(stream), [1, 4]))
  })

  it('keeps 20,000 messages of two publishers in the order of each and of their numbers', async () => {
    await near.follow(stream)
    const sources = [near, far].map(async (source, name) => {
      for (let n = 0; n < 10_000; n += 100) {
        const data = (index: number) => JSON.stringify({ name, n: n + index })
        await source.publish(Array.from({ length: 100 }, (_, index) => message({ symbol, data: data(index) })))
      }
    })
    await Promise.all(sources)
    await eventually(() => assert.equal(near.position(stream)?.seq, 20_000))
    assert.deepEqual(ear.numbers(stream), range(1, 20_000))
    const frames = ear.heard.flatMap((one) => (one.kind === 'frame' && one.stream === stream ? [one.frame] : []))
    const data = frames.map((frame) => JSON.parse(frame).data)
    for (const name of [0, 1]) {
      const own = data.filter((one) => one.name === name).map(({ n }) => n)
      assert.deepEqual(own, range(0, 9_999))
    }
  })

  it('has neither a hole nor a repeat between the position and what is heard after it', async () => {
    let publishing = true
    const publisher = (async () => {
      while (publishing) {
        await far.publish(prices(symbol, 20))
        await setTimeout(0)
      }
    })()
    for (let round = 0; round < 20; round += 1) {
      await near.follow(stream)
      const { seq = -1 } = near.position(stream) ?? {}
      const before = ear.heard.length
      await setTimeout(round)
      near.unfollow(stream)
      const numbers = ear.heard
        .slice(before)
        .flatMap((one) => (one.kind === 'frame' ? [JSON.parse(one.frame).seq] : []))
      assert.deepEqual(numbers, range(seq + 1, seq + numbers.length))
    }
    publishing = false
    await publisher
  })

  it('does nothing when nothing is published', () => near.publish([]))

  it('can be reached', async () => {
    await near.check()
    await far.check()
  })
}

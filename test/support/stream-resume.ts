import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Backplane } from '../../src/streams/backplane.ts'
import { eventually } from './eventually.ts'
import { range } from './stream-backplane.ts'
import { connectClient, type Frame, openClient, type StreamClient } from './stream-client.ts'
import { message, prices, startStreams, type TestStreams } from './stream-server.ts'

/** How far the history reaches in these tests. */
export const KEPT = 50

/** Frames of one stream in the order they came, as far as the numbering is concerned: numbers, and gaps as texts. */
export function course(client: StreamClient, is: (frame: Frame) => boolean = () => true): (number | string)[] {
  return client.frames.filter(is).flatMap(({ type, seq = 0, snapshot, from, to }) => {
    if (type === 'gap') return [`gap ${from}-${to}`]
    if (!type.endsWith('_update') && type !== 'alert') return []
    return [snapshot === true ? `snapshot ${seq}` : seq]
  })
}

/**
 * What a subscriber who resumes is promised, whatever the backplane.
 * @param open a backplane that keeps `KEPT` messages a stream, and another end of it to publish on
 */
export function promisesOfResuming(open: () => Promise<{ near: Backplane; far: Backplane }>): void {
  let system: TestStreams
  let far: Backplane
  let symbols = 0
  let symbol: string
  let path: string

  before(async () => {
    const backplane = await open()
    far = backplane.far
    system = await startStreams({ backplane: backplane.near })
  })
  after(async () => {
    await system.stop()
    assert.deepEqual(system.errors, [])
  })
  beforeEach(() => {
    symbols += 1
    symbol = `R${symbols}`
    path = `${system.url}/ws/market-data/${symbol}`
  })

  /** The epoch of the stream, learned as a client learns it. */
  async function epochOf(url = path): Promise<string> {
    const client = await connectClient(url)
    await client.close()
    return String(client.frames[0]?.['epoch'])
  }

  async function resumed(since: number, epoch: string, more = ''): Promise<StreamClient> {
    return connectClient(`${path}?since=${since}&epoch=${epoch}${more}`)
  }

  async function until(client: StreamClient, ...expected: (number | string)[]): Promise<void> {
    await eventually(() => assert.deepEqual(course(client), expected))
  }

  it('brings every message after since, then the live ones, and no snapshot', async () => {
    const epoch = await epochOf()
    await far.publish(prices(symbol, 10))
    const client = await resumed(3, epoch)
    await until(client, ...range(4, 10))
    await eventually(() => assert.equal(client.frames[0]?.seq, 10))
    await far.publish(prices(symbol, 2))
    await until(client, ...range(4, 12))
    await client.close()
  })

  it('brings nothing again to one who missed nothing', async () => {
    await far.publish(prices(symbol, 2))
    const client = await resumed(2, await epochOf())
    await far.publish(prices(symbol, 1))
    await until(client, 3)
    await client.close()
  })

  it('says gap for what the history no longer has, then a snapshot where that is the rule, then what is left', async () => {
    const epoch = await epochOf()
    await far.publish(prices(symbol, KEPT + 20))
    const left = range(21, KEPT + 20)
    const client = await resumed(5, epoch)
    await until(client, 'gap 6-20', `snapshot ${KEPT + 20}`, ...left)
    const plain = await resumed(5, epoch, '&snapshot=false')
    await until(plain, 'gap 6-20', ...left)
    const gap = plain.frames[1]
    assert.deepEqual(gap, {
      ...{ type: 'gap', channel: 'market-data', symbol, from: 6, to: 20, epoch, seq: 20 },
    })
    await far.publish(prices(symbol, 1))
    await until(plain, 'gap 6-20', ...left, KEPT + 21)
    await Promise.all([client.close(), plain.close()])
  })

  it('says gap and tells the new epoch to one who names another, then brings all that is kept', async () => {
    await far.publish(prices(symbol, 3))
    const client = await resumed(7, 'longago', '&snapshot=false')
    await until(client, 'gap 8-null', 1, 2, 3)
    assert.equal(client.frames[1]?.['epoch'], await epochOf())
    assert.equal(client.frames[1]?.seq, 0)
    await client.close()
  })

  it('says gap to one who names a number that was never given', async () => {
    await far.publish(prices(symbol, 3))
    const client = await resumed(1_000_000_000_000, await epochOf())
    await until(client, 'gap 1000000000001-null', 'snapshot 3')
    await far.publish(prices(symbol, 1))
    await until(client, 'gap 1000000000001-null', 'snapshot 3', 4)
    await client.close()
  })

  it("goes on with each stream of one frame from its own number, and with the user's own stream beside it", async () => {
    const client = await connectClient(`${system.url}/ws?token=alice`)
    const prediction = (userId?: string) => message({ symbol, channel: 'predictions', ...(userId ? { userId } : {}) })
    const target = { channel: 'predictions', symbol }
    client.send({ type: 'subscribe', ...target })
    const first = await client.next('subscribed')
    const { epoch, user } = first as unknown as { epoch: string; user: { epoch: string } }
    client.send({ type: 'unsubscribe', ...target })
    await client.next('unsubscribed')
    await far.publish([...Array(4)].flatMap(() => [prediction(), prediction('alice'), prediction('bob')]))
    await far.publish(prices(symbol, 3))
    client.send({
      type: 'subscribe',
      subscriptions: [
        { ...target, since: 1, epoch, user_since: 2, user_epoch: user.epoch },
        { channel: 'market-data', symbol, snapshot: false },
      ],
    })
    await client.next('subscribed')
    await far.publish([prediction('alice'), prediction(), message({ symbol })])
    const of = (type: string, scope?: string) =>
      course(client, (frame) => frame.type === type && frame['scope'] === scope)
    await eventually(() => assert.deepEqual(of('prediction_update'), range(2, 5)))
    await eventually(() => assert.deepEqual(of('prediction_update', 'user'), range(3, 5)))
    await eventually(() => assert.deepEqual(of('market_data_update'), [4]))
    await client.close()
  })

  it('begins a subscription again when it is asked for again with since', async () => {
    const epoch = await epochOf()
    await far.publish(prices(symbol, 5))
    const client = await resumed(3, epoch)
    await until(client, 4, 5)
    client.send({ type: 'subscribe', symbol, since: 2, epoch })
    await until(client, 4, 5, 3, 4, 5)
    await far.publish(prices(symbol, 1))
    await until(client, 4, 5, 3, 4, 5, 6)
    await client.close()
  })

  it('leaves neither a hole nor a repeat to clients that come and go while messages are published at speed', async () => {
    const epoch = await epochOf()
    let publishing = true
    const published = (async () => {
      for (let n = 0; publishing; n += 1) {
        await far.publish(prices(symbol, n % 4))
        await setTimeout(n % 3)
      }
    })()
    const came = Array.from({ length: 12 }, async (_, n) => {
      let since = 0
      const seen: (number | string)[] = []
      for (let round = 0; round < 12; round += 1) {
        const client = openClient(`${path}?snapshot=false&since=${since}&epoch=${epoch}`)
        await client.next('connected')
        await setTimeout(Math.random() * 40 + (n % 3))
        client.socket.terminate()
        await client.ended
        const part = course(client)
        seen.push(...part)
        since = Number(part.at(-1) ?? since)
      }
      return seen
    })
    const courses = await Promise.all(came)
    publishing = false
    await published
    for (const seen of courses) {
      assert.ok(seen.length > 10)
      assertNothingUntold(seen)
    }
  })
}

/** From number 1 on: each number is the next one, unless a gap says which are missing. */
export function assertNothingUntold(seen: readonly (number | string)[], from = 0): number {
  let at = from
  for (const one of seen) {
    const gap = /^gap (\d+)-(\d+)$/.exec(String(one))
    assert.equal(gap ? Number(gap[1]) : one, at + 1, `after ${at} in ${seen.slice(0, 50)}…`)
    at = Number(gap ? gap[2] : one)
  }
  return at
}

import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import { connectClient } from '../../support/stream-client.ts'
import { message, startStreams, type TestStreams } from '../../support/stream-server.ts'
import { startWebProcess } from '../../support/stream-web-process.ts'

describe('a burst in one turn', () => {
  it('of 5,000 messages of 1 KB reaches readers that read well, whole', async () => {
    const web = await startWebProcess()
    const clients = await Promise.all(Array.from({ length: 5 }, () => connectClient(`${web.url}/ws/market-data/AAPL`)))
    await web.publish('AAPL', 5000, { bytes: 1000 })
    await web.publish('AAPL', 5000, { bytes: 10 })
    for (const { numbers, close } of clients) {
      await eventually(() => assert.equal(numbers().at(-1), 10_000))
      assert.deepEqual(numbers(), range(1, 10_000))
      assert.equal((await close()).code, 1005)
    }
    await web.stop()
  })

  describe('of snapshots that one socket asks for', () => {
    const symbols = range(1, 500).map((n) => `S${n}`)
    let system: TestStreams
    before(async () => {
      system = await startStreams()
      const data = JSON.stringify({ x: 'x'.repeat(65_000) })
      await system.backplane.publish(symbols.map((symbol) => message({ symbol, data })))
    })
    after(() => system.stop())

    const subscribe = (names: string[]) => ({
      type: 'subscribe',
      subscriptions: names.map((symbol) => ({ channel: 'market-data', symbol })),
    })

    it('comes whole, up to what may wait for a socket', async () => {
      const client = await connectClient(`${system.url}/ws`)
      client.send(subscribe(symbols.slice(0, 100)))
      await eventually(() => assert.equal(client.frames.length, 102))
      await client.close()
    })

    it('closes a socket that asks for more with 4513, and never leaves a hole before that', async () => {
      const client = await connectClient(`${system.url}/ws`)
      client.socket.pause()
      client.send(subscribe(symbols))
      await eventually(async () => assert.equal(await system.metric('ara_sockets_overflowed_total'), 1))
      assert.ok((await system.metric('ara_socket_messages_dropped_total')) > 0)
      await system.backplane.publish(symbols.map((symbol) => message({ symbol })))
      await setTimeout(50)
      client.socket.resume()
      assert.deepEqual(await client.ended, { code: 4513, reason: 'too slow' })
      const [, subscribed, ...rest] = client.frames
      assert.equal(subscribed?.type, 'subscribed')
      assert.ok(rest.length > 200 && rest.length < 500, `${rest.length} snapshots`)
      assert.ok(rest.every(({ snapshot }) => snapshot === true))
      assert.deepEqual([system.streams.streams(), system.errors], [0, []])
    })
  })
})

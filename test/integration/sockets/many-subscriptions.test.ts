import assert from 'node:assert/strict'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import { connectClient } from '../../support/stream-client.ts'
import { message, startStreams } from '../../support/stream-server.ts'

describe('1,000 subscriptions of one socket', () => {
  it('are taken in one frame, each answered, and one more ends the socket', async () => {
    const system = await startStreams()
    const client = await connectClient(`${system.url}/ws?token=alice`)
    const subscribe = (...subscriptions: object[]) => {
      client.send({ type: 'subscribe', subscriptions })
      return client.next('subscribed')
    }
    const symbols = range(1, 998).map((n) => `S${n}`)
    const entries = symbols.map((symbol) => ({ channel: 'market-data', symbol }))
    const bad = [
      { channel: 'trades', symbol: 'A' },
      { channel: 'alerts', symbol: 'A' },
    ]
    const { accepted, rejected } = await subscribe(...entries, ...bad)
    assert.equal((accepted as object[]).length, 998)
    assert.equal((rejected as object[]).length, 2)
    await system.backplane.publish(symbols.map((symbol) => message({ symbol })))
    await eventually(() => assert.equal(client.numbers().length, 998))
    await subscribe({ channel: 'market-data', symbol: 'S999' }, { channel: 'market-data', symbol: 'S1000' })
    client.send({ type: 'subscribe', channel: 'market-data', symbol: 'S1001' })
    assert.equal((await client.ended).code, 4429)
    await system.stop()
  })

  it('are changed only so often: then the socket is told with 4529 when to come back', async () => {
    const system = await startStreams()
    const client = await connectClient(`${system.url}/ws?token=alice`)
    const subscriptions = range(1, 1000).map((n) => ({ channel: 'market-data', symbol: `S${n}` }))
    for (const type of ['subscribe', 'unsubscribe', 'subscribe', 'unsubscribe']) client.send({ type, subscriptions })
    await eventually(() => assert.equal(client.frames.filter(({ type }) => type === 'unsubscribed').length, 2))
    client.send({ type: 'subscribe', subscriptions })
    client.send({ type: 'subscribe', subscriptions })
    const { code, reason } = await client.ended
    assert.deepEqual([code, JSON.parse(reason)], [4529, { retry_after_ms: 8000 }])
    assert.deepEqual(await system.byLabel('ara_sockets_limited_total', 'limit'), { subscription_changes: 1 })
    await eventually(() => assert.equal(system.streams.streams(), 0))
    await system.stop()
  })
})

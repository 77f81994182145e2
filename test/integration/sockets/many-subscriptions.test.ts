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
})

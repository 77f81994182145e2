import assert from 'node:assert/strict'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import { openClient, type StreamClient } from '../../support/stream-client.ts'
import { prices, startStreams, type TestStreams } from '../../support/stream-server.ts'

const SYMBOLS = ['A', 'B', 'C']

/** Publishes as fast as the process can, in batches of different sizes, until it is told to stop. */
function publishAtFullSpeed(system: TestStreams): () => Promise<void> {
  let publishing = true
  const done = (async () => {
    for (let n = 0; publishing; n += 1) {
      for (const symbol of SYMBOLS) await system.backplane.publish(prices(symbol, n % 4))
      await setImmediate()
    }
  })()
  return async () => {
    publishing = false
    await done
  }
}

interface Join {
  symbol: unknown
  /** Where the numbers stood when it was answered. */
  from: number
  snapshot: number | undefined
  numbers: number[]
}

function joinsOf(client: StreamClient, answer: string): Join[] {
  const joins: Join[] = []
  for (const { type, symbol, seq = -1, snapshot } of client.frames) {
    if (type === answer) joins.push({ symbol, from: seq, snapshot: undefined, numbers: [] })
    const join = joins.findLast((one) => one.symbol === symbol)
    if (!join || type !== 'market_data_update') continue
    if (snapshot) join.snapshot = seq
    else join.numbers.push(seq)
  }
  return joins
}

function assertSeamless(client: StreamClient, answer: string): number {
  const joins = joinsOf(client, answer)
  for (const { from, numbers, snapshot } of joins) {
    assert.deepEqual(numbers, range(from + 1, from + numbers.length))
    if (from > 0) assert.equal(snapshot, from)
  }
  return joins.length
}

describe('joining a stream while messages are published at full speed', () => {
  let system: TestStreams
  let stop: () => Promise<void>
  beforeEach(async () => {
    system = await startStreams({ rules: { maxInboundPerSecond: 10_000 } })
    stop = publishAtFullSpeed(system)
  })
  afterEach(async () => {
    await stop()
    await system.stop()
    assert.deepEqual(system.errors, [])
  })

  it('leaves neither a hole nor a repeat after connected', async () => {
    const clients: StreamClient[] = []
    for (let n = 0; n < 90; n += 1) {
      clients.push(openClient(`${system.url}/ws/market-data/${SYMBOLS[n % 3]}`))
      await setTimeout(Math.random() * 15)
    }
    await stop()
    await Promise.all(clients.map((client) => eventually(() => client.frames.length > 0)))
    for (const [n, client] of clients.entries()) {
      const last = system.backplane.position(`market-data/${SYMBOLS[n % 3]}`)?.seq
      await eventually(() => assert.equal(client.numbers().at(-1) ?? client.frames[0]?.seq, last))
      assert.equal(assertSeamless(client, 'connected'), 1)
    }
    await Promise.all(clients.map((client) => client.close()))
  })

  it('leaves neither a hole nor a repeat after subscribed, on a socket that comes and goes', async () => {
    const clients = Array.from({ length: 10 }, () => openClient(`${system.url}/ws`))
    await Promise.all(clients.map((client) => client.next('connected')))
    const rounds = clients.map(async (client) => {
      for (let round = 0; round < 20; round += 1) {
        const streams = { channel: 'market-data', symbol: SYMBOLS[round % 3] }
        client.send({ type: 'subscribe', ...streams })
        await setTimeout(Math.random() * 30)
        client.send({ type: 'unsubscribe', ...streams })
      }
      client.send({ type: 'ping' })
      await client.next('pong')
    })
    await Promise.all(rounds)
    await stop()
    for (const client of clients) {
      assert.equal(assertSeamless(client, 'subscribed'), 20)
      assert.ok(client.numbers().length > 10)
      await client.close()
    }
  })
})

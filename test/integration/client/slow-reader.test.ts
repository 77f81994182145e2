import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { StreamMessage } from '../../../client/src/server-frames.ts'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { closeClients, startClient } from '../../support/client-stage.ts'
import { eventually } from '../../support/eventually.ts'
import { message, startStreams, type TestStreams } from '../../support/stream-server.ts'

const SYMBOL = 'SLOW'
const LARGE = JSON.stringify({ x: 'x'.repeat(4_000) })

describe('the client of a program that reads too slowly', function () {
  this.timeout(60_000)

  let system: TestStreams
  const sockets: WebSocket[] = []
  /** Whose reading a test may stop. */
  class HeldSocket extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      super(url, protocols)
      sockets.push(this)
    }
  }

  before(async () => {
    system = await startStreams({
      backplane: createMemoryBackplane({ messages: 20_000, seconds: 300, bytes: 256 * 1024 * 1024 }),
      rules: { degradeSeconds: 1, slowSeconds: 60 },
    })
  })
  afterEach(closeClients)
  after(() => system.stop())

  it('says when prices come less often and when it has caught up, and takes no loss for a hole', async () => {
    const { client, told } = startClient({ url: system.url, WebSocket: HeldSocket })
    const got: (StreamMessage & { conflated?: boolean })[] = []
    const subscription = client.subscribe({ channel: 'market-data', symbol: SYMBOL }, (one) => got.push(one))
    await eventually(() => subscription.position !== null)
    sockets.at(-1)?.pause()
    await fillUp()
    await eventually(async () => {
      await publishSmall(5)
      assert.equal(system.streams.slow().degraded, 1)
    })
    await publishSmall(100)
    sockets.at(-1)?.resume()
    const names = () => told.map((one) => (one as { name: string }).name)
    await eventually(() => assert.deepEqual(names(), ['degraded', 'restored']), { timeoutMs: 30_000 })
    await publishSmall(10)
    const last = () => system.backplane.position(`market-data/${SYMBOL}`)?.seq ?? 0
    await eventually(() => assert.equal(got.at(-1)?.seq, last()), { timeoutMs: 30_000 })
    assert.equal((told[0] as { conflate_ms?: number }).conflate_ms, 1_000)
    assert.ok(got.length < last())
    const numbers = got.map(({ seq }) => seq)
    assert.deepEqual(
      numbers,
      numbers.toSorted((left, right) => left - right),
    )
    assert.equal(subscription.position?.seq, last())
  })

  /** Past what the buffers of both ends take. */
  async function fillUp(): Promise<void> {
    while (system.streams.slow().waiting === 0) {
      await system.backplane.publish(Array.from({ length: 16 }, () => message({ symbol: SYMBOL, data: LARGE })))
      await setTimeout(20)
    }
  }

  async function publishSmall(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      await system.backplane.publish([message({ symbol: SYMBOL })])
      await setTimeout(5)
    }
  }
})

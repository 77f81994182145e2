import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { range } from '../../support/stream-backplane.ts'
import { connectClient, type StreamClient } from '../../support/stream-client.ts'
import { startWebProcess, type WebProcess } from '../../support/stream-web-process.ts'

/*
 * With STALLED_READER_SECONDS=60 it is as promised: 1,000 messages of 200 bytes a second, and the settings that are the
 * defaults. Otherwise messages are larger, to fill the kernel's buffers (some MB) soon, and slow is who is so for 2 s.
 */
const SECONDS = Number(process.env['STALLED_READER_SECONDS'] ?? 6)
const SHORT = SECONDS < 30
const MOST_GROWTH = 20 * 1024 * 1024
const BYTES = SHORT ? 4000 : 100
/** Messages that let the process grow to its working size, its history full, before it is measured. */
const WARM_UP = SHORT ? 1500 : 5000

describe('a reader that stalls', () => {
  let web: WebProcess
  let healthy: StreamClient
  let stalled: StreamClient

  beforeEach(async () => {
    web = await startWebProcess(SHORT ? { SLOW_SECONDS: '2' } : {})
    healthy = await connectClient(`${web.url}/ws/market-data/AAPL`)
    await web.publish('AAPL', WARM_UP, { perSecond: 1000, bytes: BYTES })
    stalled = await connectClient(`${web.url}/ws/market-data/AAPL?snapshot=false`)
    stalled.socket.pause()
  })
  afterEach(async () => {
    await healthy.close()
    await web.stop()
  })

  /** Reads on: every message up to a point, and then the code. */
  async function readOn(): Promise<number> {
    stalled.socket.resume()
    assert.deepEqual(await stalled.ended, { code: 4513, reason: 'too slow' })
    const numbers = stalled.numbers()
    assert.deepEqual(numbers, range(WARM_UP + 1, WARM_UP + numbers.length))
    return numbers.length
  }

  async function healthyHas(count: number): Promise<void> {
    while ((healthy.numbers().at(-1) ?? 0) < count) await setTimeout(50)
    assert.deepEqual(healthy.numbers(), range(1, count))
  }

  it('is closed with 4513 after what it had to read, costs little memory, and disturbs nobody', async function () {
    this.timeout((SECONDS + 60) * 1000)
    const before = await web.memory()
    const published = web.publish('AAPL', SECONDS * 1000, { perSecond: 1000, bytes: BYTES })
    let most = 0
    const watch = setInterval(async () => {
      most = Math.max(most, (await web.memory()) - before)
    }, 250)
    await published
    clearInterval(watch)
    await healthyHas(WARM_UP + SECONDS * 1000)
    const read = await readOn()
    if (!SHORT) console.log({ most, read })
    assert.ok(read < SECONDS * 1000, `${read} messages`)
    assert.ok(most < MOST_GROWTH, `${most} bytes of memory`)
  })

  it('is closed at once when more waits for it than a socket may have, and has no hole in what it got', async () => {
    for (let burst = 0; burst < 24; burst += 1) {
      await web.publish('AAPL', 1000, { bytes: 1000 })
      await setTimeout(20)
    }
    const read = await readOn()
    assert.ok(read > 4000 && read < 24_000, `${read} messages`)
    await healthyHas(WARM_UP + 24_000)
  })
})

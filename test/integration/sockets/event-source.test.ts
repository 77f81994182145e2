import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/ports.ts'
import { launchChromium } from '../../support/sample-runtimes.ts'
import { range } from '../../support/stream-backplane.ts'
import { prices, startStreams, type TestStreams } from '../../support/stream-server.ts'

interface Seen {
  seq: number
  id: string
  type: string
}

describe("a browser's EventSource", () => {
  let browser: Browser
  let page: Page
  let system: TestStreams
  let port: number
  let site: Server

  before(async () => {
    browser = await launchChromium()
    page = await browser.newPage()
    port = await freePort()
    site = createServer(
      (_, response) => void response.setHeader('content-type', 'text/html').end('<title>Site</title>'),
    )
    await once(site.listen(0, '127.0.0.1'), 'listening')
    system = await startStreams({ port })
  })
  after(async () => {
    await browser?.close()
    site.close()
    await system.stop()
  })

  const seen = () => page.evaluate<Seen[]>('window.seen')
  const numbers = async () => (await seen()).flatMap(({ type, seq }) => (type === 'market_data_update' ? [seq] : []))

  it('reads a stream of another origin, and goes on by itself when the process is replaced', async () => {
    await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}`)
    await page.evaluate(`
      window.seen = []
      window.source = new EventSource('http://127.0.0.1:${port}/api/v1/streams/market-data/AAPL?token=alice')
      source.onmessage = ({ data, lastEventId: id }) => {
        const { type, seq } = JSON.parse(data)
        seen.push({ type, seq, id })
      }`)
    await eventually(async () => assert.equal((await seen())[0]?.type, 'connected'))
    await system.backplane.publish(prices('AAPL', 5))
    await eventually(async () => assert.deepEqual(await numbers(), range(1, 5)))

    const { backplane } = system
    await system.streams.drain(10)
    await eventually(async () => assert.equal((await seen()).at(-1)?.type, 'closed'))
    system = await replace(system, port)
    assert.equal(system.backplane, backplane)
    await backplane.publish(prices('AAPL', 5))
    await eventually(async () => assert.deepEqual(await numbers(), range(1, 10)), { timeoutMs: 30_000 })
    assert.match((await seen()).at(-1)?.id ?? '', /^\w+:10$/)
  })
})

/** Another process on the same port, as far as a client can tell; the backplane goes on. */
async function replace(before: TestStreams, port: number): Promise<TestStreams> {
  const { backplane } = before
  await before.stop({ keepsBackplane: true })
  return startStreams({ port, backplane })
}

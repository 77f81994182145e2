import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { makeSecret, signedHeaders } from '../../src/webhooks/signature.ts'
import { eventually } from '../support/eventually.ts'
import { launchChromium } from '../support/sample-runtimes.ts'
import { range } from '../support/stream-backplane.ts'
import { type StreamLink, startLink } from '../support/stream-link.ts'
import { prices, startStreams, type TestStreams } from '../support/stream-server.ts'

/** What the page keeps for the test. */
interface Kept {
  numbers: number[]
  states: string[]
  gaps: number
}

const SYMBOL = 'PAGE'
/** Runs in the page, which nothing compiles. */
const PROGRAM = `
  import { connectStreams, verifyWebhook, WebhookRefused } from './index.js'
  const kept = { numbers: [], states: [], gaps: 0 }
  globalThis.kept = kept
  globalThis.watch = (url, symbol) => {
    const client = connectStreams({ url, token: 'alice', random: () => 0 })
    client.on('state', ({ state }) => kept.states.push(state))
    client.on('gap', () => { kept.gaps += 1 })
    client.subscribe({ channel: 'market-data', symbol, snapshot: false }, ({ seq }) => kept.numbers.push(seq))
  }
  globalThis.verify = (body, headers, secret) => verifyWebhook(body, headers, secret).then(
    ({ event }) => event.event_type,
    (error) => error instanceof WebhookRefused ? error.code : String(error),
  )
`

/** The built package, as any web server would serve it. Needs `npm run build` before. */
describe('the client in a browser', function () {
  this.timeout(60_000)

  let browser: Browser
  let page: Page
  let files: Server
  let system: TestStreams
  let link: StreamLink

  before(async () => {
    system = await startStreams()
    link = await startLink(system.port)
    files = createServer(async (request, response) => {
      const isModule = /^\/[\w-]+\.js$/.test(request.url ?? '')
      response.setHeader('content-type', isModule ? 'text/javascript' : 'text/html')
      response.end(
        isModule
          ? await readFile(`client/dist${request.url}`)
          : `<!doctype html><title>client</title><script type="module">${PROGRAM}</script>`,
      )
    })
    files.listen(0, '127.0.0.1')
    await once(files, 'listening')
    browser = await launchChromium()
    page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(files.address() as AddressInfo).port}/`)
  })
  after(async () => {
    await browser?.close()
    files?.close()
    await link?.close()
    await system?.stop()
  })

  it('goes on without a hole or a repeat after a lost connection, with the WebSocket of the browser', async () => {
    await run<void>('watch', `http://127.0.0.1:${link.port}`, SYMBOL)
    let last = 0
    await eventually(async () => {
      await system.backplane.publish(prices(SYMBOL, 1))
      last += 1
      assert.ok((await kept()).numbers.length > 0)
    })
    link.cut()
    await eventually(async () => assert.ok((await kept()).states.includes('waiting')))
    await system.backplane.publish(prices(SYMBOL, 20))
    last += 20
    link.mend()
    await eventually(async () => assert.equal((await kept()).numbers.at(-1), last))
    const { numbers, gaps } = await kept()
    assert.deepEqual([numbers, gaps], [range(numbers[0] ?? 0, last), 0])
  })

  it('verifies a webhook with the WebCrypto of the browser', async () => {
    const secret = makeSecret()
    const body =
      '{"data": {"message": "caf\\u00e9", "symbol": "AAPL"}, "event_id": "evt_1", "event_type": "alert_triggered"}'
    const headers = signedHeaders({
      ...{ deliveryId: 'dlv_1', eventType: 'alert_triggered', attempt: 1, secret, canonical: body, at: new Date() },
      ...{ style: 'canonical', version: '1', test: false },
    })
    const verify = (text: string) => run<string>('verify', text, headers, secret)
    assert.deepEqual([await verify(body), await verify(`${body} `)], ['alert_triggered', 'bad_signature'])
  })

  function kept(): Promise<Kept> {
    return page.evaluate('kept')
  }

  function run<Result>(name: string, ...args: unknown[]): Promise<Result> {
    return page.evaluate(`${name}(...${JSON.stringify(args)})`)
  }
})

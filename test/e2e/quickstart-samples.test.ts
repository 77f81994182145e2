import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { WebSocket } from 'ws'
import { type EmbeddedSystem, startEmbeddedSystem } from '../support/embedded-system.ts'
import { freePort } from '../support/ports.ts'
import { runProgram } from '../support/program.ts'
import { openPage, readSample, SAMPLES, startExpress, startFastApi, startPython } from '../support/quickstart.ts'
import { repeatUntil } from '../support/repeat-until.ts'
import { findPython, launchChromium } from '../support/sample-runtimes.ts'
import { lastRequest, repost, tampered } from '../support/sent-request.ts'

/**
 * The samples run byte for byte with only their placeholders filled in: YOUR_TOKEN, localhost:8000, the webhook's URL,
 * wh_123 and port 3000. Functions that a sample calls without defining them (execute_buy_order, …) are put around it.
 * What moves the streams is the demo feed, as for a newcomer.
 */
const SECRET = 'your-secret-key-min-16-chars'
const ACCEPTED = { status: 200, text: '{"status":"received"}' }

describe("the quick start's samples", function () {
  this.timeout(120_000)

  let folder: string
  let python: string
  let browser: Browser
  let system: EmbeddedSystem
  let user: string
  let producer: string
  let host: Record<string, string>
  const started: { stop(): Promise<void> }[] = []

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quickstart-'))
    python = findPython()
    browser = await launchChromium()
    system = await startEmbeddedSystem({ STREAMS_HEARTBEAT_SECONDS: '1', STREAMS_SILENCE_SECONDS: '3' })
    host = { 'localhost:8000': system.host }
    user = await system.token('alice', 'user')
    producer = await system.token('models', 'producer')
  })

  afterEach(async () => {
    await Promise.all(started.splice(0).map((program) => program.stop()))
  })

  after(async () => {
    await browser?.close()
    await system?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('are the code blocks of the quick start, unchanged', async () => {
    const guide = await readFile('docs/QUICKSTART.md', 'utf8')
    const files = await readdir(SAMPLES)
    for (const file of files) assert.ok(guide.includes(`\n${await readSample(file)}\`\`\``), file)
    assert.equal(files.length, guide.match(/```[a-z]+\n/g)?.length)
  })

  describe('of a stream', () => {
    it('receive an update in JavaScript', async () => {
      const page = keep(await openPage(browser, await readSample('stream.js', { ...host, YOUR_TOKEN: user })))
      await page.waitFor(/^Connected!$/m)
      await page.waitFor(/^New prediction: /m)
    })

    it('receive an update in Python', async () => {
      const sample = await readSample('stream.py', { ...host, YOUR_TOKEN: user })
      const client = keep(await startPython(python, folder, sample))
      await client.waitFor(/^Prediction: \{.*'symbol': 'AAPL'/m)
    })

    it('show close code 4401 and a reason when the token is bad', async () => {
      const samples = [await readSample('stream.js', host), await readSample('troubleshooting.js')]
      const page = keep(await openPage(browser, samples.join('\n')))
      await page.waitFor(/^Close code: 4401$/m)
      await page.waitFor(/^Close reason: \S/m)
    })

    it('feed the dashboard, which sends no token, in the embedded mode', async () => {
      const stubs = ['updatePredictionChart', 'updatePriceDisplay', 'showNotification'].map(
        (name) => `function ${name}(data) { console.log('${name}', JSON.stringify(data)) }`,
      )
      const page = keep(await openPage(browser, [...stubs, await readSample('dashboard.js', host)].join('\n')))
      await page.waitFor(/^updatePredictionChart \{.*"predicted_return":/m)
      await page.waitFor(/^updatePriceDisplay \{.*"close":/m)
      await repeatUntil(page.waitFor(/^showNotification \{.*"message":"for the quick start"/m), publishAlert)
    })

    it('keep the trading bot connected, which never answers a ping', async () => {
      const stubs = ['buy', 'sell'].map(
        (side) => `def execute_${side}_order(symbol, quantity): print('${side}', symbol, quantity)\n`,
      )
      const sample = await readSample('bot.py', { ...host, YOUR_TOKEN: user })
      const bot = keep(await startPython(python, folder, stubs.join('') + sample))
      // It does not say when it is connected: it is once it buys.
      await repeatUntil(bot.waitFor(/^buy AAPL 100$/m), () => publishPrediction({ predicted_return: 0.06 }))
      await heartbeats(5)
      await publishPrediction({ predicted_return: -0.06 })
      await bot.waitFor(/^sell AAPL 100$/m)
    })
  })

  describe('of a receiver', () => {
    it('accept what arrives and refuse a tampered body in FastAPI, which refuses with status 200', async () => {
      const port = await freePort()
      const receiver = keep(await startFastApi(python, folder, await readSample('receiver_fastapi.py'), port))
      const webhook = await createWithTheSample(port)
      assert.equal((await testWithTheSample(webhook)).response_body, '{"status":"received"}')
      await publishPrediction({ predicted_price: 187.25 })
      await receiver.waitFor(/^Prediction: AAPL -> \$187\.25$/m)

      const sent = await lastRequest(system, user, webhook)
      assert.deepEqual(await repost(sent, sent.body), ACCEPTED)
      const altered = tampered(sent.body, /"symbol": "[^"]+"/, '"symbol": "EVIL"')
      // A tuple is not a status in FastAPI: it refuses in the body only.
      assert.deepEqual(await repost(sent, altered), { status: 200, text: '[{"error":"Invalid signature"},401]' })
    })

    it('accept what arrives and refuse a tampered top-level field in Express', async () => {
      const port = await freePort()
      const receiver = keep(await startExpress(folder, await readSample('receiver_express.cjs', listen(port)), port))
      const webhook = await create(port, { events: ['prediction_complete'], signature_style: 'node-quickstart' })
      assert.equal((await testWithTheSample(webhook)).response_body, '{"status":"received"}')
      await publishPrediction({ predicted_price: 187.75 })
      await receiver.waitFor(/^Prediction: AAPL -> \$187\.75$/m)

      const sent = await lastRequest(system, user, webhook)
      assert.deepEqual(await repost(sent, sent.body), ACCEPTED)
      const altered = tampered(sent.body, '"event_type": "prediction_complete"', '"event_type": "model_trained"')
      assert.deepEqual(await repost(sent, altered), { status: 401, text: '{"error":"Invalid signature"}' })
      // What the documentation warns of: the text that this receiver hashes leaves out what is in data.
      const unseen = tampered(sent.body, /"symbol": "[^"]+"/, '"symbol": "EVIL"')
      assert.equal((await repost(sent, unseen)).status, 200)
    })

    it('turn an alert into notifications', async () => {
      const port = await freePort()
      const stubs = ['send_email', 'send_sms'].map((name) => `def ${name}(**what): print('${name}', what)\n`)
      const text = stubs.join('') + (await readSample('notification.py'))
      const service = keep(await startFastApi(python, folder, text, port))
      await create(port, { events: ['alert_triggered'] })
      await publishAlert()
      await service.waitFor(/^send_email .*'subject': 'Alert: AAPL', 'body': 'for the quick start'/m)
      await service.waitFor(/^send_sms .*'AAPL: for the quick start'/m)
    })
  })

  function keep<Kept extends { stop(): Promise<void> }>(program: Kept): Kept {
    started.push(program)
    return program
  }

  async function createWithTheSample(port: number): Promise<string> {
    const url = { 'https://your-domain.com/webhook': `http://127.0.0.1:${port}/webhook` }
    return created(await curl(await readSample('create_webhook.sh', { ...host, ...url, YOUR_TOKEN: user })))
  }

  async function create(port: number, fields: Record<string, unknown>): Promise<string> {
    const url = `http://127.0.0.1:${port}/webhook`
    return created(await system.call('POST', '/api/v1/webhooks', user, { url, secret: SECRET, ...fields }))
  }

  /** Deletes it at the end of the test, so that nothing is sent to a receiver that is gone. */
  function created(webhook: unknown): string {
    const { id } = webhook as { id: string }
    keep({ stop: () => system.call('DELETE', `/api/v1/webhooks/${id}`, user) })
    return id
  }

  async function testWithTheSample(webhook: string): Promise<{ status: string; response_body: string | null }> {
    const sample = await readSample('test_webhook.sh', { ...host, wh_123: webhook, YOUR_TOKEN: user })
    const { delivery } = (await curl(sample)) as { delivery: { status: string; response_body: string | null } }
    assert.equal(delivery.status, 'success', JSON.stringify(delivery))
    return delivery
  }

  async function curl(script: string): Promise<unknown> {
    return JSON.parse(await runProgram('bash', ['-c', script]))
  }

  async function publishPrediction(fields: Record<string, number>): Promise<void> {
    const data = { symbol: 'AAPL', predicted_price: 190, predicted_return: 0.01, confidence: 0.9, ...fields }
    await system.call('POST', '/api/v1/events', producer, { event_type: 'prediction_complete', data })
  }

  async function publishAlert(): Promise<void> {
    const data = { symbol: 'AAPL', message: 'for the quick start' }
    await system.call('POST', '/api/v1/events', producer, { event_type: 'alert_triggered', data })
  }

  /** Waits for as many pings on a socket of its own. */
  async function heartbeats(count: number): Promise<void> {
    const socket = new WebSocket(`ws://${system.host}/ws/alerts`)
    try {
      await new Promise<void>((done, fail) => {
        let seen = 0
        socket.on('error', fail)
        socket.on('close', (code) => fail(new Error(`closed with ${code}`)))
        socket.on('message', (text) => {
          if (JSON.parse(String(text)).type === 'ping') seen += 1
          if (seen === count) done()
        })
      })
    } finally {
      socket.terminate()
    }
  }
})

function listen(port: number): Record<string, string> {
  return { 'app.listen(3000)': `app.listen(${port})` }
}

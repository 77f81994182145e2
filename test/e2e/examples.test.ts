import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { type EmbeddedSystem, startEmbeddedSystem } from '../support/embedded-system.ts'
import { freePort } from '../support/ports.ts'
import { type Program, runProgram, startProgram, untilListening } from '../support/program.ts'
import { repeatUntil } from '../support/repeat-until.ts'
import { findPython, launchChromium } from '../support/sample-runtimes.ts'
import { lastRequest, repost, tampered } from '../support/sent-request.ts'

const SECRET = 'a-secret-of-the-examples'

describe('the example programs', function () {
  this.timeout(120_000)

  let python: string
  let browser: Browser
  let system: EmbeddedSystem
  let user: string
  let producer: string
  const started: { stop(): Promise<void> }[] = []

  before(async () => {
    python = findPython()
    browser = await launchChromium()
    system = await startEmbeddedSystem()
    user = await system.token('alice', 'user')
    producer = await system.token('models', 'producer')
  })

  afterEach(async () => {
    await Promise.all(started.splice(0).map((program) => program.stop()))
  })

  after(async () => {
    await browser?.close()
    await system?.stop()
  })

  it('show one stream in a browser', async () => {
    const page = await browser.newPage()
    keep({ stop: () => page.close() })
    await page.goto(`${pathToFileURL(resolve('examples/streams/browser.html'))}?host=${system.host}&symbol=AAPL`)
    await page.locator('#messages li', { hasText: '"symbol":"AAPL"' }).first().waitFor()
  })

  it('show price and forecast on the dashboard, and an alert', async () => {
    const page = await browser.newPage()
    keep({ stop: () => page.close() })
    await page.goto(
      `${pathToFileURL(resolve('examples/dashboard.html'))}?host=${system.host}&symbol=AAPL&token=${user}`,
    )
    await page.locator('#price', { hasText: /\d/ }).waitFor()
    await page.locator('#forecast', { hasText: 'holt-linear-baseline' }).waitFor()
    await repeatUntil(page.locator('#alerts', { hasText: 'high: for the examples' }).waitFor(), publishAlert)
  })

  it('print one stream in Python', async () => {
    const args = ['examples/streams/python_client.py', '--host', system.host, '--token', user, '--count', '2']
    const printed = await runProgram(python, [...args, '--channel', 'market-data', '--symbol', '^GSPC'])
    assert.match(printed, /^connected to market-data$/m)
    assert.equal(printed.match(/"close": \d/g)?.length, 2)
  })

  it('print several streams in Node, by the client of the repository', async () => {
    const env = { ...process.env, ARA_URL: `http://${system.host}`, ARA_TOKEN: user, COUNT: '4' }
    const args = ['examples/streams/node-client.mjs', 'market-data/^GSPC', 'predictions/AAPL', 'market-data/AAPL']
    const printed = await runProgram('node', args, { env })
    assert.equal(printed.match(/^\S+Z (market-data|predictions)\/\S+ \{/gm)?.length, 4)
    const bad = { ...env, ARA_TOKEN: 'bad' }
    await assert.rejects(runProgram('node', args, { env: bad }), /closed 4401[\s\S]*ended with 1|ended with 1/)
  })

  it('tell that the server cannot be reached, and try again', async () => {
    const host = `127.0.0.1:${await freePort()}`
    const env = { ...process.env, ARA_URL: `http://${host}` }
    const clients = [
      startProgram(python, ['examples/streams/python_client.py', '--host', host]),
      startProgram(python, ['examples/trading_bot.py', '--host', host]),
      startProgram('node', ['examples/streams/node-client.mjs'], { env }),
    ].map(keep)
    for (const client of clients)
      await client.waitFor(new RegExp(`${host} cannot be reached.*; again in \\d+\\.\\d s$`, 'm'))
    const page = await browser.newPage()
    keep({ stop: () => page.close() })
    const dashboard = pathToFileURL(resolve('examples/dashboard.html'))
    await page.goto(`${dashboard}?host=${host}`)
    await page.locator('#state', { hasText: /market-data\/AAPL closed: 1006.*connecting again/ }).waitFor()
    await page.goto(`${dashboard}?host=${system.host}&token=bad`)
    await page.locator('#state', { hasText: 'alerts closed: 4401 The token is not valid.' }).waitFor()
  })

  it('say in one line what must be set', async () => {
    const { WEBHOOK_SECRET: _, ARA_TOKEN: __, ...env } = process.env
    const files = readdirSync('examples', { recursive: true, encoding: 'utf8' })
    const needing = files.filter((file) => /receiver|standard|notification|producer/.test(file) && /\.\w+$/.test(file))
    assert.ok(needing.length >= 10)
    for (const file of needing) {
      const command = file.endsWith('.py') ? python : file.endsWith('.sh') ? 'sh' : 'node'
      const program = keep(startProgram(command, [`examples/${file}`], { env }))
      assert.notEqual(await program.ended(), 0, file)
      assert.match(program.output(), /^(\S+: \d+: ARA_TOKEN: )?Set (WEBHOOK_SECRET|ARA_TOKEN) to [^\n]+\.\n$/, file)
    }
  })

  it('end the Python client when its token is bad', async () => {
    const args = ['examples/streams/python_client.py', '--host', system.host, '--token', 'bad']
    await assert.rejects(runProgram(python, args), /ended with 1/)
  })

  it('trade on paper on what the producer publishes', async () => {
    const bot = keep(startProgram(python, ['examples/trading_bot.py', '--host', system.host, '--token', user]))
    await bot.waitFor(/^watching AAPL$/m)
    const env = { ...process.env, ARA_URL: `http://${system.host}`, ARA_TOKEN: producer }
    const answer = JSON.parse(await runProgram('node', ['examples/producer.mjs', 'AAPL', '200', '180', '0.9'], { env }))
    assert.match(answer.event_id, /^evt_/)
    await bot.waitFor(/^\+11\.11% at 0\.90: buy 100, position 100$/m)
  })

  for (const [command, file] of [
    ['python3', 'producer.py'],
    ['sh', 'producer.sh'],
  ] as const) {
    it(`publish in ${file}`, async () => {
      const env = { ...process.env, ARA_URL: `http://${system.host}`, ARA_TOKEN: producer }
      const run = (settings: NodeJS.ProcessEnv) =>
        runProgram(command === 'sh' ? 'sh' : python, [`examples/${file}`, 'MSFT', '200', '180', '0.9'], {
          env: settings,
        })
      const { event_id } = JSON.parse(await run(env))
      const event = await system.call<{ symbol: string }>('GET', `/api/v1/events/${event_id}`, producer)
      assert.equal(event.symbol, 'MSFT')
      await assert.rejects(run({ ...env, ARA_TOKEN: user }), /ended with (1|22)/)
    })
  }

  it('are all in the list of the programs, with the command for each', () => {
    const list = readFileSync('examples/README.md', 'utf8')
    const files = readdirSync('examples', { recursive: true, encoding: 'utf8' }).filter((file) => /\.\w+$/.test(file))
    for (const file of files.filter((name) => name !== 'README.md')) assert.ok(list.includes(`](${file})`), file)
  })

  for (const [file, style] of [
    ['express-receiver.mjs', 'canonical'],
    ['koa-receiver.mjs', 'canonical'],
    ['node-http-receiver.mjs', 'canonical'],
    ['standard_webhooks.py', 'canonical'],
    ['node-quickstart-receiver.mjs', 'node-quickstart'],
    ['fastapi_receiver.py', 'canonical'],
  ] as const) {
    it(`accept what arrives and refuse what was changed, in ${file}`, async () => {
      const { receiver, url } = await startReceiver(`examples/receivers/${file}`, SECRET)
      const webhook = await create(url, { secret: SECRET, signature_style: style })
      await test(webhook)
      await receiver.waitFor(/^prediction_complete \{.*"symbol"/m)
      const sent = await lastRequest(system, user, webhook)
      assert.equal((await repost(sent, sent.body)).status, 200)
      const altered = tampered(sent.body, '"event_type": "prediction_complete"', '"event_type": "model_trained"')
      assert.equal((await repost(sent, altered)).status, 401)
    })
  }

  it('verify with the library of Standard Webhooks', async () => {
    const secret = `whsec_${Buffer.from('0123456789abcdef01234567').toString('base64')}`
    const { receiver, url } = await startReceiver('examples/receivers/standard-webhooks.mjs', secret)
    const webhook = await create(url, { secret })
    await test(webhook)
    await receiver.waitFor(/^prediction_complete \{.*"symbol"/m)
    const sent = await lastRequest(system, user, webhook)
    assert.equal((await repost(sent, tampered(sent.body, /"symbol": "[^"]+"/, '"symbol": "EVIL"'))).status, 401)
  })

  it('turn an alert into a mail and a text', async () => {
    const { receiver, url } = await startReceiver('examples/notification_service.py', SECRET)
    await create(url, { secret: SECRET, events: ['alert_triggered'] })
    await publishAlert()
    await receiver.waitFor(/^mail to \S+: Alert: AAPL: for the examples$/m)
    await receiver.waitFor(/^text to \S+: AAPL: for the examples$/m)
  })

  function keep<Kept extends { stop(): Promise<void> }>(program: Kept): Kept {
    started.push(program)
    return program
  }

  async function startReceiver(file: string, secret: string): Promise<{ receiver: Program; url: string }> {
    const port = await freePort()
    const env = { ...process.env, WEBHOOK_SECRET: secret, PORT: String(port), HOST: '127.0.0.1' }
    const receiver = keep(startProgram(file.endsWith('.py') ? python : 'node', [file], { env }))
    await untilListening(port, receiver)
    return { receiver, url: `http://127.0.0.1:${port}/webhook` }
  }

  /** Deletes it at the end of the test, so that nothing is sent to a receiver that is gone. */
  async function create(url: string, fields: Record<string, unknown>): Promise<string> {
    const webhook = { url, events: ['prediction_complete'], ...fields }
    const { id } = await system.call<{ id: string }>('POST', '/api/v1/webhooks', user, webhook)
    keep({ stop: () => system.call('DELETE', `/api/v1/webhooks/${id}`, user) })
    return id
  }

  async function test(webhook: string): Promise<void> {
    const path = `/api/v1/webhooks/test?webhook_id=${webhook}`
    const { delivery } = await system.call<{ delivery: { status: string } }>('POST', path, user)
    assert.equal(delivery.status, 'success', JSON.stringify(delivery))
  }

  async function publishAlert(): Promise<void> {
    const data = { symbol: 'AAPL', message: 'for the examples', severity: 'high' }
    await system.call('POST', '/api/v1/events', producer, { event_type: 'alert_triggered', data })
  }
})

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyWebhook } from '../../client/src/verify-webhook.ts'
import { type Ended, runCommandLine, startCommandLine } from '../support/command-line.ts'
import { type EmbeddedSystem, startEmbeddedSystem } from '../support/embedded-system.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/ports.ts'
import type { Program } from '../support/program.ts'
import { type Received, type Response, startTestReceiver, type TestReceiver } from '../support/receiver.ts'
import { type StreamLink, startLink } from '../support/stream-link.ts'

interface Alert {
  event_id: string
}

describe('the command line, for whoever uses a server', function () {
  this.timeout(180_000)

  let system: EmbeddedSystem
  let link: StreamLink
  let receiver: TestReceiver
  let respond: (request: Received) => Response
  let folder: string
  let tokens: { user: string; producer: string }
  const running: Program[] = []

  before(async () => {
    const settings = { DEMO_FEED: 'false', RATE_LIMIT_FREE: '100000', DELIVERY_RETRY_BASE_MS: '60000' }
    system = await startEmbeddedSystem(settings, ['dist/src/cli/main.js', 'start'])
    link = await startLink(Number(system.host.split(':')[1]))
    receiver = await startTestReceiver({ respond: (request) => respond(request) })
    folder = await mkdtemp(join(tmpdir(), 'ara-cli-'))
    const [user, producer] = await Promise.all([system.token('alice', 'user'), system.token('models', 'producer')])
    tokens = { user, producer }
  })
  beforeEach(() => {
    respond = () => ({ status: 200 })
    receiver.received.length = 0
  })
  afterEach(async () => {
    link.mend()
    await Promise.all(running.splice(0).map((program) => program.stop()))
  })
  after(async () => {
    await receiver?.close()
    await link?.close()
    await system?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  describe('webhooks', () => {
    let webhook: string

    it('are created, listed, shown and changed', async () => {
      const created = await asUser('webhooks', 'create', `${receiver.url}/a`, '--events', 'alert_triggered', '--json')
      const { id, secret } = JSON.parse(created.stdout)
      assert.match(secret, /^whsec_/)
      webhook = id
      assert.match((await asUser('webhooks', 'list')).stdout, new RegExp(`^${id} .*alert_triggered +on`, 'm'))
      await asUser(
        'webhooks',
        'update',
        id,
        '--description',
        'mine',
        '--header',
        'X-Team: blue: green',
        '--symbols',
        'aapl,msft',
      )
      const { stdout } = await asUser('webhooks', 'show', id)
      assert.match(stdout, /^description +mine$/m)
      assert.match(stdout, /^symbols +AAPL, MSFT$/m)
      assert.match(stdout, /^headers +X-Team$/m)
      assert.match((await asUser('webhooks', 'update', id, '--no-symbols', '--off')).stdout, /^state +off/m)
      const on = await asUser('webhooks', 'update', id, '--on')
      assert.match(on.stderr, new RegExp(`ara-events webhooks recover ${id} --status missing --since 2`))
    })

    it('are tested, and the exit code says whether it was delivered', async () => {
      const good = await asUser('webhooks', 'test', webhook, '--type', 'model_trained')
      assert.match(good.stdout, /^event +model_trained evt_\S+ \(test\)$/m)
      assert.match(good.stdout, /^status +success$/m)
      respond = () => ({ status: 500, body: 'broken' })
      const bad = await fails(1, 'webhooks', 'test', webhook)
      assert.match(bad.stdout, /^answer +500$/m)
      assert.match(bad.stderr, /was not delivered/)
    })

    it('get what failed again, by hand and for a span of time', async () => {
      respond = () => ({ status: 503 })
      await publishAlert('first')
      await eventually(() => assert.equal(receiver.received.length, 1))
      const listed = await asUser('webhooks', 'deliveries', webhook, '--since', '5m', '--json')
      const delivery = JSON.parse(listed.stdout).deliveries.find((one: { test: boolean }) => !one.test).id
      await fails(1, 'webhooks', 'retry', webhook, delivery)
      respond = () => ({ status: 200 })
      const retried = await asUser('webhooks', 'retry', webhook, delivery)
      assert.match(retried.stdout, /^status +success\nattempt +3 of /m)
      const { stdout } = await asUser('webhooks', 'deliveries', webhook, delivery)
      assert.equal(stdout.match(/^attempt \d+: (failed|success), \d+ ms/gm)?.length, 3)
      await system.call('PATCH', `/api/v1/webhooks/${webhook}`, tokens.user, { active: false })
      const since = new Date().toISOString()
      await publishAlert('missed')
      await system.call('PATCH', `/api/v1/webhooks/${webhook}`, tokens.user, { active: true })
      const recovered = await asUser('webhooks', 'recover', webhook, '--status', 'missing', '--since', since, '--json')
      const { status, recovered: count } = JSON.parse(recovered.stdout)
      assert.deepEqual([status, count], ['completed', 1])
      await eventually(() => assert.ok(receiver.received.some(({ body }) => body.includes('missed'))))
    })

    it('get a new secret', async () => {
      const own = 'a-new-secret-of-the-tests'
      const rotated = await asUser('webhooks', 'rotate-secret', webhook, '--secret', own, '--overlap', '600')
      assert.match(rotated.stdout, new RegExp(`^secret +${own} `, 'm'))
      assert.match(rotated.stdout, /^secrets +both sign until /m)
      assert.match((await fails(1, 'webhooks', 'rotate-secret', webhook)).stderr, /409 rotation_under_way/)
      assert.doesNotMatch((await asUser('webhooks', 'rotate-secret', webhook, '--finish')).stdout, /^secrets? /m)
    })

    it('are deleted, and then not there', async () => {
      await asUser('webhooks', 'delete', webhook)
      assert.match((await fails(1, 'webhooks', 'show', webhook)).stderr, /^404 not_found: .*\(request /)
      const inJson = await fails(1, 'webhooks', 'show', webhook, '--json')
      assert.equal(JSON.parse(inJson.stderr).error, 'not_found')
    })
  })

  it('says what is wrong with a call, without a stack', async () => {
    const wrong: [code: number, reason: RegExp, args: string[]][] = [
      [2, /There is no command "webhooks dance"/, ['webhooks', 'dance']],
      [2, /no event type "alert"/, ['events', 'publish', 'alert']],
      [2, /is no stream/, ['events', 'tail', 'prices/AAPL']],
      [2, /cannot be read \(ENOENT\)/, ['events', 'publish', '--file', join(folder, 'nothing')]],
      [2, /is a directory/, ['events', 'publish', '--file', folder]],
      [2, /A token is missing/, ['webhooks', 'list', '--url', `http://${system.host}`]],
      [1, /422 .*\n {2}url: /, ['webhooks', 'create', 'nonsense']],
      [1, /^401 /, ['listen', '--forward', receiver.url, '--token', 'bad']],
      [1, /cannot be reached: .*ECONNREFUSED/, ['webhooks', 'list', '--url', `http://127.0.0.1:${await freePort()}`]],
      [1, /The server closed the stream: 4401/, ['events', 'tail', '--token', 'bad']],
      [1, /market-data\/\* was refused: forbidden/, ['events', 'tail', 'market-data/*']],
    ]
    for (const [code, reason, args] of wrong) {
      const ended = await run(args.includes('list') && code === 2 ? '' : tokens.user, args)
      const { code: actual, stdout, stderr } = ended
      assert.match(stderr, reason)
      assert.deepEqual([actual, stdout], [code, ''], args.join(' '))
      assert.doesNotMatch(stderr, /^\s+at /m)
    }
  })

  it('knows the system that has the port for its own', async () => {
    const { stdout } = await runCommandLine(['doctor'], { PORT: system.host.split(':')[1], DATA_DIR: folder })
    assert.match(stdout, /^ok {4}port \d+: taken by a running ara-events$/m)
  })

  it('publishes one event, and never twice under one key', async () => {
    const args = [
      'events',
      'publish',
      'prediction_complete',
      'symbol=AAPL',
      'predicted_price=187.5',
      'current_price=180',
    ]
    const key = ['confidence=0.7', '--idempotency-key', 'one-of-the-tests', '--json']
    const [first, second] = [await asProducer(...args, ...key), await asProducer(...args, ...key)]
    const [made, again] = [JSON.parse(first.stdout), JSON.parse(second.stdout)]
    assert.deepEqual([made.replayed, again.replayed, again.event_id], [false, true, made.event_id])
    const exact = '{"symbol": "AAPL", "message": "exact", "actual_value": 9007199254740993}'
    const refused = await run(tokens.producer, ['events', 'publish', 'alert_triggered', '--data', exact])
    assert.deepEqual([refused.code, /422/.test(refused.stderr)], [1, true])
  })

  it('publishes a file, names the line that is wrong, and goes on with the key it told', async () => {
    const lines = Array.from({ length: 1_250 }, (_, index) => alertLine(`file ${index}`))
    const file = join(folder, 'events.ndjson')
    await writeFile(
      file,
      [...lines.slice(0, 1_100), '', '{"event_type": "alert_triggered"}', ...lines.slice(1_101)].join('\n'),
    )
    const broken = await run(tokens.producer, ['events', 'publish', '--file', file])
    assert.equal(broken.code, 1)
    assert.match(broken.stderr, /line 1102: data/)
    assert.match(broken.stderr, /^1000 events were published\. To go on: --idempotency-key (\S+)$/m)
    const [, key = ''] = /--idempotency-key (\S+)/.exec(broken.stderr) ?? []
    await writeFile(file, lines.join('\n'))
    const mended = await asProducer('events', 'publish', '--file', file, '--idempotency-key', key, '--json')
    assert.deepEqual(JSON.parse(mended.stdout), { published: 1_250, replayed: 1_000, idempotency_key: key })
  })

  it('publishes standard input, and waits for a server that cannot be reached', async () => {
    const lines = Array.from({ length: 40 }, (_, index) => alertLine(`input ${index}`))
    const env = { ARA_EVENTS_TOKEN: tokens.producer, ARA_EVENTS_URL: `http://127.0.0.1:${link.port}` }
    const first = await runCommandLine(
      ['events', 'publish', '--file', '-', '--batch', '10'],
      env,
      `${lines.join('\n')}\n`,
    )
    assert.deepEqual([first.code, first.stdout], [0, '40 events published.\n'])
    const file = join(folder, 'later.ndjson')
    await writeFile(file, lines.join('\n'))
    link.cut()
    const second = keep(startCommandLine(['events', 'publish', '--file', file], env))
    await second.waitFor(/cannot be reached.*Trying again/, 60_000)
    link.mend()
    assert.equal(await second.ended(), 0)
    assert.match(second.output(), /^40 events published\.$/m)
  })

  it('tails a stream over lost connections without a hole or a repeat', async () => {
    const args = ['events', 'tail', 'alerts', '--count', '30', '--json', '--url', `http://127.0.0.1:${link.port}`]
    const tail = keep(startCommandLine(args, { ARA_EVENTS_TOKEN: tokens.user }))
    await eventually(async () => {
      await publishAlert('begin')
      return /begin/.test(tail.output())
    })
    for (let number = 0; number < 30; number += 1) {
      if (number % 10 === 5) link.cut()
      await publishAlert(`tail ${number}`)
      if (number % 10 === 7) link.mend()
    }
    assert.equal(await tail.ended(), 0)
    const messages = tail
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line))
    const numbers = messages.map(({ seq }) => seq)
    assert.deepEqual(
      numbers,
      Array.from({ length: 30 }, (_, index) => numbers[0] + index),
    )
  })

  describe('listen', () => {
    it('forwards each delivery of a webhook once, over lost connections, signed by the secret it prints', async () => {
      const { id } = await create(`${receiver.url}/real`)
      const local = await startTestReceiver()
      const { program, secret } = await startListening(local.url, ['--webhook', id])
      await program.waitFor(/^Ready\.$/m, 60_000)
      const ids: string[] = []
      for (let number = 0; number < 30; number += 1) {
        if (number % 10 === 3) link.cut()
        ids.push((await publishAlert(`listen ${number}`)).event_id)
        if (number % 10 === 7) link.mend()
      }
      await run(tokens.user, ['webhooks', 'test', id])
      await eventually(() => assert.equal(local.received.length, 31), { timeoutMs: 60_000 })
      await verifyAll(local, secret)
      const got = local.received.map(({ body }) => JSON.parse(body).event_id)
      assert.deepEqual(got.slice().sort(), [...new Set(got)].sort())
      assert.deepEqual(
        ids.filter((one) => !got.includes(one)),
        [],
      )
      const tests = local.received.filter(({ headers }) => headers['x-webhook-test'] === 'true')
      assert.equal(tests.length, 1)
      const real = receiver.received.filter(({ path }) => path === '/real')
      assert.deepEqual(real.map(({ body }) => body).sort(), local.received.map(({ body }) => body).sort())
      await program.kill('SIGINT')
      assert.equal(await program.ended(), 0)
      assert.match(program.output(), /^31 forwarded, 0 of them not taken\.$/m)
      await local.close()
      await remove(id)
    })

    it('forwards what a webhook is owed while its own address is broken', async () => {
      respond = () => ({ status: 500 })
      const { id } = await create(`${receiver.url}/broken`)
      const local = await startTestReceiver()
      const { program } = await startListening(local.url, ['--webhook', id, '--count', '25'])
      await program.waitFor(/^Ready\.$/m, 60_000)
      for (let number = 0; number < 25; number += 1) await publishAlert(`broken ${number}`)
      assert.equal(await program.ended(), 0)
      const got = local.received.map(({ body }) => JSON.parse(body).data.message)
      assert.deepEqual(got.sort(), Array.from({ length: 25 }, (_, number) => `broken ${number}`).sort())
      await local.close()
      await remove(id)
    })

    it('needs no webhook, forwards from a time in the past, and waits for a server that restarts', async () => {
      await publishAlert('before', 'GOOG')
      await publish({ event_type: 'model_trained', data: { model_id: 'm', model_type: 't' } })
      await publishAlert('bob only', 'GOOG', 'bob')
      await publishAlert('alice only', 'GOOG', 'alice')
      const port = await freePort()
      const filter = ['--events', 'alert_triggered', '--symbols', 'goog', '--since', '1m', '--count', '3']
      const { program, secret } = await startListening(`127.0.0.1:${port}/hook`, [...filter, '--json'])
      await program.waitFor(/"listening"/, 60_000)
      await publishAlert('after', 'GOOG')
      const local = await startTestReceiver({ port })
      assert.equal(await program.ended(), 0)
      const got = local.received.map(({ body }) => JSON.parse(body).data.message)
      assert.deepEqual(got, ['before', 'alice only', 'after'])
      await verifyAll(local, secret)
      const rows = program
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line))
      assert.deepEqual(
        rows.map(({ type, status }) => status ?? type),
        ['listening', 200, 200, 200],
      )
      await local.close()
    })

    it('shows what the local server refuses, and goes on', async () => {
      let count = 0
      const local = await startTestReceiver({ respond: () => ({ status: ++count === 1 ? 500 : 204 }) })
      const { program } = await startListening(local.url, ['--count', '2', '--symbols', 'TSLA'])
      await publishAlert('one', 'TSLA')
      await publishAlert('two', 'TSLA')
      assert.equal(await program.ended(), 0)
      assert.match(
        program.output(),
        /alert_triggered dlv_\S+ → 500 in \d+ ms[\s\S]*→ 204 in[\s\S]*2 forwarded, 1 of them not taken/,
      )
      await local.close()
    })
  })

  function run(token: string, args: readonly string[]): Promise<Ended> {
    return runCommandLine(args, { ARA_EVENTS_URL: `http://${system.host}`, ARA_EVENTS_TOKEN: token })
  }

  async function good(token: string, args: readonly string[]): Promise<Ended> {
    const ended = await run(token, args)
    assert.equal(ended.code, 0, `${args.join(' ')}: ${ended.stdout}${ended.stderr}`)
    return ended
  }

  function asUser(...args: string[]): Promise<Ended> {
    return good(tokens.user, args)
  }

  function asProducer(...args: string[]): Promise<Ended> {
    return good(tokens.producer, args)
  }

  async function fails(code: number, ...args: string[]): Promise<Ended> {
    const ended = await run(tokens.user, args)
    assert.equal(ended.code, code, `${args.join(' ')}: ${ended.stdout}${ended.stderr}`)
    return ended
  }

  function keep(program: Program): Program {
    running.push(program)
    return program
  }

  /** Over the link. */
  async function startListening(to: string, args: readonly string[]): Promise<{ program: Program; secret: string }> {
    const env = { ARA_EVENTS_URL: `http://127.0.0.1:${link.port}`, ARA_EVENTS_TOKEN: tokens.user }
    const program = keep(startCommandLine(['listen', '--forward', to, ...args], env))
    await program.waitFor(/whsec_/, 60_000)
    return { program, secret: /whsec_[\w+/=]+/.exec(program.output())?.[0] ?? '' }
  }

  function create(url: string): Promise<{ id: string }> {
    return system.call('POST', '/api/v1/webhooks', tokens.user, { url, events: ['alert_triggered'] })
  }

  async function remove(webhook: string): Promise<void> {
    await system.call('DELETE', `/api/v1/webhooks/${webhook}`, tokens.user)
  }

  function publishAlert(message: string, symbol = 'AAPL', user?: string): Promise<Alert> {
    return publish({ event_type: 'alert_triggered', data: { symbol, message }, ...(user ? { user_id: user } : {}) })
  }

  function publish(event: object): Promise<Alert> {
    return system.call('POST', '/api/v1/events', tokens.producer, event)
  }
})

function alertLine(message: string): string {
  return JSON.stringify({ event_type: 'alert_triggered', data: { symbol: 'MSFT', message } })
}

async function verifyAll(local: TestReceiver, secret: string): Promise<void> {
  for (const { body, headers } of local.received) {
    const { event, deliveryId } = await verifyWebhook(body, headers, secret)
    assert.equal(headers['x-webhook-event'], event.event_type)
    assert.equal(headers['idempotency-key'], deliveryId)
    await verifyWebhook(body, { 'x-webhook-signature': headers['x-webhook-signature'] }, secret, {
      acceptUntimed: true,
    })
  }
}

import assert from 'node:assert/strict'
import { verifyWebhook } from '../../client/src/verify-webhook.ts'
import { openCommandLineStage } from '../support/command-line-stage.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/ports.ts'
import type { Program } from '../support/program.ts'
import { startTestReceiver, type TestReceiver } from '../support/receiver.ts'

describe('listening on the command line', function () {
  this.timeout(180_000)
  const stage = openCommandLineStage()
  const { run, start, respond, publish, publishAlert } = stage

  it('forwards each delivery of a webhook once, over lost connections, signed by the secret it prints', async () => {
    const { id } = await create(`${stage.receiver().url}/real`)
    const local = await startTestReceiver()
    const { program, secret } = await startListening(local.url, ['--webhook', id])
    await program.waitFor(/^Ready\.$/m, 60_000)
    const ids: string[] = []
    for (let number = 0; number < 30; number += 1) {
      if (number % 10 === 3) stage.link().cut()
      ids.push((await publishAlert(`listen ${number}`)).event_id)
      if (number % 10 === 7) stage.link().mend()
    }
    await run(stage.tokens().user, ['webhooks', 'test', id])
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
    const real = stage.receiver().received.filter(({ path }) => path === '/real')
    assert.deepEqual(real.map(({ body }) => body).sort(), local.received.map(({ body }) => body).sort())
    await program.kill('SIGINT')
    assert.equal(await program.ended(), 0)
    assert.match(program.output(), /^31 forwarded, 0 of them not taken\.$/m)
    await local.close()
    await remove(id)
  })

  it('forwards what a webhook is owed while its own address is broken', async () => {
    respond({ status: 500 })
    const { id } = await create(`${stage.receiver().url}/broken`)
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
    await program.waitFor(/^Nobody listens at http:\S+\/hook; waiting/m)
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

  async function startListening(to: string, args: readonly string[]): Promise<{ program: Program; secret: string }> {
    const program = start(stage.tokens().user, ['listen', '--forward', to, ...args])
    await program.waitFor(/whsec_/, 60_000)
    return { program, secret: /whsec_[\w+/=]+/.exec(program.output())?.[0] ?? '' }
  }

  function create(url: string): Promise<{ id: string }> {
    return stage.system().call('POST', '/api/v1/webhooks', stage.tokens().user, { url, events: ['alert_triggered'] })
  }

  async function remove(webhook: string): Promise<void> {
    await stage.system().call('DELETE', `/api/v1/webhooks/${webhook}`, stage.tokens().user)
  }
})

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

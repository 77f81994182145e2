import assert from 'node:assert/strict'
import { type Arrival, type Receiver, startReceiver } from '../../../src/demo/receiver-server.ts'
import { makeSecret, type SignedRequest, signedHeaders } from '../../../src/webhooks/signature.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/ports.ts'
import { signalGroup } from '../../support/process-tree.ts'
import { runProgram, startProgram } from '../../support/program.ts'

const SECRET = 'your-secret-key-min-16-chars'
const BODY =
  '{"data": {"note": "\\u00e9", "symbol": "AAPL"}, "event_id": "evt_1", "event_type": "alert_triggered", "timestamp": "t"}'
const TAMPERED = BODY.replace('AAPL', 'MSFT')

describe('the demo receiver', () => {
  let receiver: Receiver
  let printed: Arrival[]
  let base: string

  beforeEach(async () => {
    printed = []
    receiver = await start(SECRET)
  })
  afterEach(() => receiver.close())

  it('verifies both signatures, on any path, and tells what came', async () => {
    assert.equal((await deliver({ test: true, attempt: 2 }, {}, BODY, '/any/path?x=1')).status, 200)
    const { at, ...arrival } = last()
    assert.ok(Math.abs(Date.parse(at) - Date.now()) < 10_000)
    const names = { path: '/any/path?x=1', event_type: 'alert_triggered', delivery_id: 'dlv_1', attempt: '2' }
    const signatures = ['X-Webhook-Signature', 'webhook-signature']
    const rest = { test: true, verified: true, signatures, again: false, mode: 'ok', answer: 200, body: BODY }
    assert.deepEqual(arrival, { ...names, ...rest })
    assert.deepEqual(await received(), [last()])
  })

  it('verifies with a secret that stands for bytes, and either secret in webhook-signature during a rotation', async () => {
    await receiver.close()
    const secret = makeSecret()
    receiver = await start(secret)
    assert.equal((await deliver({ secret })).status, 200)
    assert.equal((await deliver({ secret: makeSecret(), previousSecret: secret })).status, 200)
    assert.deepEqual(last().signatures, ['X-Webhook-Signature', 'webhook-signature'])
  })

  it('says when only the text of the quick start for Node fitted', async () => {
    assert.equal((await deliver({ style: 'node-quickstart' })).status, 200)
    const style = 'X-Webhook-Signature (node-quickstart: data not covered)'
    assert.deepEqual(last().signatures, [style, 'webhook-signature'])
    assert.equal((await deliver({ style: 'node-quickstart' }, {}, TAMPERED)).status, 401)
    assert.deepEqual(last().signatures, [style, 'webhook-signature is wrong'])
  })

  it('takes either signature alone', async () => {
    const names = ['X-Webhook-Signature', 'webhook-signature']
    for (const [index, name] of names.entries()) {
      assert.equal((await deliver({}, { [name]: undefined })).status, 200)
      assert.deepEqual(last().signatures, [names[1 - index]])
    }
  })

  it('answers 401 to what is tampered with, too old, too new, signed with another secret or not at all', async () => {
    const none = { 'X-Webhook-Signature': undefined, 'webhook-signature': undefined }
    const both = 'X-Webhook-Signature is wrong; webhook-signature is wrong'
    const time = 'X-Webhook-Signature; webhook-timestamp is not within five minutes'
    const ago = (seconds: number) => ({ at: new Date(Date.now() - seconds * 1000) })
    const cases: [message: string, ...Rest][] = [
      [both, {}, {}, TAMPERED],
      [both, {}, {}, 'no JSON'],
      [both, { secret: 'some-other-secret' }],
      ['X-Webhook-Signature; webhook-signature is wrong', {}, { 'webhook-id': 'dlv_2' }],
      ['X-Webhook-Signature is wrong; webhook-signature', {}, { 'X-Webhook-Signature': 'sha256=é' }],
      ['no signature', {}, none],
      [time, {}, { 'webhook-timestamp': undefined }],
      [time, ago(310)],
      [time, ago(-310)],
    ]
    for (const [message, ...request] of cases) {
      const answer = await deliver(...request)
      assert.deepEqual([answer.status, await answer.json()], [401, { error: 'refused', message }])
      assert.equal(last().verified, false)
    }
    assert.equal((await deliver(ago(290))).status, 200)
    assert.equal(last().again, false, 'what was refused is not remembered')
  })

  it('marks a delivery that comes again', async () => {
    for (const deliveryId of ['dlv_1', 'dlv_2', 'dlv_1']) await deliver({ deliveryId })
    assert.equal(printed.map(({ again }) => again).join(), 'false,false,true')
  })

  it('fails, is busy or gone as often as told, and then is ok', async () => {
    receiver.behave({ mode: 'fail', status: 418, times: 2 })
    assert.deepEqual([await status(), await status(), await status()], [418, 418, 200])
    receiver.behave({ mode: 'busy', retry_after: 7, times: 1 })
    const busy = await deliver()
    assert.deepEqual([busy.status, busy.headers.get('retry-after'), await status()], [429, '7', 200])
    receiver.behave({ mode: 'gone' })
    assert.deepEqual([await status(), await status()], [410, 410])
    assert.equal((await deliver({}, {}, TAMPERED)).status, 401)
  })

  it('stalls, and closes while it does', async () => {
    const begun = performance.now()
    receiver.behave({ mode: 'stall', stall_seconds: 1, times: 1 })
    assert.equal(await status(), 200)
    assert.ok(performance.now() - begun > 950)
    receiver.behave({ mode: 'stall', stall_seconds: 3600 })
    const cut = assert.rejects(deliver())
    await eventually(() => printed.length === 2)
    await Promise.all([cut, receiver.close()])
    receiver = await start(SECRET)
  })

  it('is told over HTTP, shows what is left, and names what is wrong', async () => {
    assert.equal((await put('{"mode": "busy", "retry_after": 3, "times": 2}')).status, 200)
    await deliver()
    const left = { mode: 'busy', status: 500, stall_seconds: 30, retry_after: 3, times: 1 }
    assert.deepEqual(await (await fetch(`${base}/behaviour`)).json(), left)
    for (const [text, error, message] of [
      ['{', 'malformed_json', 'not JSON'],
      ['[]', 'invalid_behaviour', 'object'],
      ['{}', 'invalid_behaviour', 'mode must be one of ok, fail, stall, busy, gone'],
      ['{"mode": "fail", "status": 200}', 'invalid_behaviour', 'status must be a whole number from 300 to 599'],
      ['{"mode": "fail", "times": 0, "x": 1}', 'invalid_behaviour', 'times must be .*x'],
    ] as const) {
      const answer = await put(text)
      assert.equal(answer.status, 400, text)
      assert.match(await answer.text(), new RegExp(`^{"error":"${error}","message":".*${message}`))
    }
    assert.deepEqual(await (await fetch(`${base}/behaviour`)).json(), left)
  })

  it('refuses more than a mebibyte and keeps the last hundred', async () => {
    const big = await fetch(base, { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) })
    assert.deepEqual([big.status, printed.length], [413, 0])
    for (let index = 0; index < 101; index += 1) await deliver({ deliveryId: `dlv_${index}` })
    const kept = await received()
    assert.deepEqual([kept.length, kept[0]?.delivery_id, kept[99]?.delivery_id], [100, 'dlv_100', 'dlv_1'])
  })

  async function start(secret: string): Promise<Receiver> {
    const started = await startReceiver({ host: '127.0.0.1', port: 0, secret, print: (one) => printed.push(one) })
    base = `http://127.0.0.1:${started.port}`
    return started
  }

  const deliver = (...rest: Rest) => post(base, ...rest)
  const status = async () => (await deliver()).status
  const put = (body: string) => fetch(`${base}/behaviour`, { method: 'PUT', body })
  const received = async () => ((await (await fetch(`${base}/received`)).json()) as { received: Arrival[] }).received
  const last = () => printed.at(-1) ?? assert.fail('nothing came')
})

describe('npm run receiver', () => {
  const entry = ['--import', 'tsx', 'src/demo/receiver.ts']

  it('prints what comes in two lines, behaves as its flags say and needs a port of its own', async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const flags = ['--port', String(port), '--mode', 'fail', '--status', '502', '--times', '1']
    const program = startProgram(process.execPath, [...entry, ...flags])
    try {
      await program.waitFor(/Waiting for webhooks/)
      assert.equal((await post(url, { test: true })).status, 502)
      assert.equal((await post(url, { attempt: 2 }, { 'X-Webhook-Event': 'x\x9b2J' })).status, 200)
      await program.waitFor(/again.*\n.*\n/)
      const [, first, data, second] = program.output().split('\n')
      const verified = 'verified: X-Webhook-Signature, webhook-signature'
      assert.equal(first?.slice(8), ` | alert_triggered | dlv_1 | attempt 1 | test | ${verified} | 502 (fail)`)
      assert.equal(data, '  {"note":"é","symbol":"AAPL"}')
      assert.equal(second?.slice(8), ` | x?2J | dlv_1 | attempt 2 | again | ${verified} | 200`)
      const other = runProgram(process.execPath, [...entry, '--port', String(port)])
      await assert.rejects(other, new RegExp(`ended with 1: Port ${port} is taken. Choose another with --port.\n`))
    } finally {
      await program.stop()
    }
  })

  it('ends when npm, which started it, is ended by SIGTERM', async () => {
    const port = await freePort()
    const program = startProgram('npm', ['run', 'receiver', '--', '--port', String(port)], { detached: true })
    try {
      await program.waitFor(/Waiting for webhooks/)
      await program.kill('SIGTERM')
      await program.ended()
      assert.throws(() => process.kill(-program.pid, 0), { code: 'ESRCH' })
    } finally {
      signalGroup(program.pid, 'SIGKILL')
    }
  })

  it('names every bad flag', async () => {
    const flags = ['--mode', 'x', '--times', '', '--stall-seconds', '1h']
    const complaint = /--mode must be one of .*\n--stall-seconds must be .*\n--times must be /
    await assert.rejects(runProgram(process.execPath, [...entry, ...flags]), complaint)
  })
})

type Rest = [
  request?: Partial<SignedRequest>,
  headers?: Record<string, string | undefined>,
  body?: string,
  path?: string,
]

/** Posts a signed request; `headers` replaces or, with undefined, leaves out; `body` is sent, whatever was signed. */
function post(base: string, ...[request = {}, headers = {}, body = BODY, path = '/webhook']: Rest): Promise<Response> {
  const delivery = { deliveryId: 'dlv_1', eventType: 'alert_triggered', attempt: 1, test: false, version: '0.1.0' }
  const signing = { secret: SECRET, canonical: BODY, style: 'canonical' as const, at: new Date() }
  const signed = signedHeaders({ ...delivery, ...signing, ...request })
  const entries = Object.entries({ ...signed, ...headers }).filter((entry): entry is [string, string] => !!entry[1])
  return fetch(base + path, { method: 'POST', headers: entries, body })
}

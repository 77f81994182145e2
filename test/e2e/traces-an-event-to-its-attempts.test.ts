import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { type ProcfileSystem, startProcfileSystem } from '../support/procfile-system.ts'
import { startTestReceiver, type TestReceiver } from '../support/receiver.ts'
import { startTraceCollector, type TraceCollector } from '../support/trace-collector.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const EVENT = { event_type: 'system_error', data: { message: 'traced' } }
const SERVER = 2
const CLIENT = 3
const PRODUCER = 4

describe('traces', function () {
  this.timeout(240_000)
  let system: ProcfileSystem
  let collector: TraceCollector
  let receiver: TestReceiver

  before(async () => {
    collector = await startTraceCollector()
    receiver = await startTestReceiver({ respond: (_, count) => ({ status: count === 1 ? 500 : 200 }) })
    system = await startProcfileSystem({
      settings: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
        DELIVERY_RETRY_BASE_MS: '50',
        SHUTDOWN_SECONDS: '2',
      },
    })
  })
  after(async () => {
    await system?.stop()
    await receiver?.close()
    await collector?.close()
  })

  async function publish(headers: Record<string, string> = {}): Promise<Response> {
    const response = await fetch(`${system.base}/api/v1/events`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${system.token('root', 'admin')}`,
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify(EVENT),
    })
    assert.equal(response.status, 202)
    return response
  }
  const received = (count: number) =>
    eventually(() => receiver.received.length === count, { timeoutMs: 60_000 }).catch(() =>
      assert.fail(`${receiver.received.length} of ${count} came`),
    )
  const webhook = { events: ['system_error'], secret: 'a-secret-of-16-and-more' }

  it('lead from the producer over the request and the acceptance to each attempt, and on to the receiver', async () => {
    await system.call('POST', '/api/v1/webhooks', system.token('root', 'admin'), {
      ...webhook,
      url: `${receiver.url}/hook?token=MARKED-in-a-url`,
    })
    await publish({ traceparent: `00-${TRACE}-${PARENT}-01` })
    await received(2)
    await publish()
    await received(3)
    // What has not been sent yet goes at the graceful stop.
    await Promise.all([...system.webs, ...system.workers].map((program) => program.stop()))
    for (const program of [...system.webs, ...system.workers]) assert.equal(await program.ended(), 0, program.output())

    const mine = collector.spans().filter(({ traceId }) => traceId === TRACE)
    const [request] = mine.filter(({ kind }) => kind === SERVER)
    const [acceptance] = mine.filter(({ kind }) => kind === PRODUCER)
    const attempts = mine.filter(({ kind }) => kind === CLIENT)
    assert.ok(request && acceptance, JSON.stringify(mine))
    assert.equal(request.name, 'POST /api/v1/events')
    assert.deepEqual([request.parentSpanId, acceptance.parentSpanId], [PARENT, request.spanId])
    assert.equal(request.attributes['http.response.status_code'], 202)
    assert.equal(acceptance.attributes['ara.deliveries'], 1)
    assert.deepEqual(
      attempts.map(({ parentSpanId, failed, attributes }) => [parentSpanId, failed, attributes['ara.attempt']]),
      [
        [acceptance.spanId, true, 1],
        [acceptance.spanId, false, 2],
      ],
    )
    assert.deepEqual(
      receiver.received.slice(0, 2).map(({ headers }) => headers['traceparent']),
      attempts.map(({ spanId }) => `00-${TRACE}-${spanId}-01`),
    )
    assert.equal(request.resource['ara.part'], 'web')
    assert.equal(attempts[0]?.resource['ara.part'], 'worker')
    assert.notEqual(request.resource['service.instance.id'], attempts[0]?.resource['service.instance.id'])
  })

  it('begin with the request when the producer has none', () => {
    const [, , third] = receiver.received
    const [, traceId] = String(third?.headers['traceparent']).split('-')
    const spans = collector.spans().filter((span) => span.traceId === traceId)
    assert.deepEqual(spans.map(({ kind }) => kind).sort(), [SERVER, CLIENT, PRODUCER])
    assert.equal(spans.find(({ kind }) => kind === SERVER)?.parentSpanId, '')
  })

  it('tell nothing of secrets or of what is in events', () => {
    assert.ok(collector.text().includes('delivery attempt'))
    for (const secret of ['MARKED', 'traced', webhook.secret, system.token('root', 'admin')])
      assert.ok(!collector.text().includes(secret), secret)
  })

  for (const [name, collects] of Object.entries({ 'is not there': false, 'never answers': true })) {
    it(`hold up nothing when the collector ${name}, and the processes still end by themselves`, async () => {
      const silent = createServer((socket) => socket.on('error', () => undefined))
      const endpoint = await new Promise<string>((resolve) =>
        silent.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(silent.address() as { port: number }).port}`)),
      )
      if (!collects) silent.close()
      const sockets = new Set<{ destroy(): void }>()
      silent.on('connection', (socket) => sockets.add(socket))
      const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_BSP_SCHEDULE_DELAY: '50' }
      const programs = [await system.startWeb(settings), await system.startWorker(settings)]
      const before = receiver.received.length
      for (let times = 0; times < 20; times += 1) await publish()
      await received(before + 20)
      if (!collects)
        await eventually(() => programs.every((program) => /"tracing\.error"/.test(program.output())), {
          timeoutMs: 60_000,
        }).catch(() => assert.fail(programs.map((program) => program.output()).join('\n')))
      for (const program of programs) await program.kill('SIGTERM')
      for (const program of programs) assert.equal(await program.ended(), 0, program.output())
      for (const socket of sockets) socket.destroy()
      silent.close()
    })
  }

  it('load nothing of the SDK where nobody collects them', async () => {
    const loaded = async (settings: Record<string, string>) => {
      const directory = await mkdtemp(join(tmpdir(), 'ara-loaded-'))
      const web = await system.startWeb({ ...settings, NODE_V8_COVERAGE: directory })
      await web.stop()
      const files = await readdir(directory)
      const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')))
      await rm(directory, { recursive: true })
      assert.ok(texts.join('').includes('dist/src/serve.js'))
      return texts.join('').includes('node_modules/@opentelemetry/sdk-trace')
    }
    assert.equal(await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }), false)
    assert.equal(await loaded({}), true)
  })
})

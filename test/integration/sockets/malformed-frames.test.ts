import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { WebSocketServer } from 'ws'
import { eventually } from '../../support/eventually.ts'
import { HANDSHAKES, MALFORMED, WHY_OTHER_CODES, WHY_OTHER_STATUSES } from '../../support/malformed-frames.ts'
import { connectClient } from '../../support/stream-client.ts'
import { openRawClient } from '../../support/stream-raw-client.ts'
import { startStreams, type TestStreams } from '../../support/stream-server.ts'

/** Whoever is still open after this stays open. */
const SETTLED_MS = 1_500

describe('what breaks the WebSocket protocol', () => {
  let system: TestStreams
  let reference: WebSocketServer
  let referencePort: number
  before(async () => {
    system = await startStreams()
    reference = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: 64 * 1024 })
    reference.on('connection', (socket) => socket.on('error', () => undefined))
    await once(reference, 'listening')
    referencePort = (reference.address() as AddressInfo).port
  })
  after(async () => {
    for (const socket of reference.clients) socket.terminate()
    reference.close()
    await system.stop()
  })
  afterEach(async () => {
    assert.deepEqual(system.errors, [])
    await eventually(() => system.streams.sockets() === 0)
    const client = await connectClient(`${system.url}/ws/alerts`)
    client.send({ type: 'ping' })
    await client.next('pong')
    await client.close()
  })

  async function outcomeOf(port: number, frames: readonly Buffer[], expected: number | 'open') {
    const client = await openRawClient(port, '/ws/alerts')
    const ended = client.readOn().then(({ code }) => code)
    for (const frame of frames) client.socket.write(frame)
    const outcome = expected === 'open' ? await Promise.race([ended, setTimeout(SETTLED_MS, 'open')]) : await ended
    client.destroy()
    return outcome
  }

  it('closes its socket and nothing else; where the code is not that of ws there is a reason', async () => {
    const cases = Object.entries(MALFORMED)
    assert.ok(cases.length >= 50)
    await Promise.all(
      cases.map(async ([what, [frames, code, ofWs = code]]) => {
        const outcomes = [outcomeOf(system.port, frames, code), outcomeOf(referencePort, frames, ofWs)]
        assert.deepEqual(await Promise.all(outcomes), [code, ofWs], what)
        if (code !== ofWs) assert.ok(WHY_OTHER_CODES[`${code} for ${ofWs}`], what)
      }),
    )
  })

  it('is refused before it begins when it is the handshake, with a status that ws would give or a reason', async () => {
    for (const [what, [request, status, ofWs = status]] of Object.entries(HANDSHAKES)) {
      const statuses = await Promise.all([statusOf(system.port, request), statusOf(referencePort, request)])
      assert.deepEqual(statuses, [status, ofWs], what)
      if (status !== ofWs) assert.ok(WHY_OTHER_STATUSES[`${status} for ${ofWs}`], what)
    }
  })

  it('is told to upgrade when it is a plain request', async () => {
    const response = await fetch(`http://127.0.0.1:${system.port}/ws/alerts`)
    const { error, message } = (await response.json()) as { error: string; message: string }
    assert.deepEqual([response.status, error, message], [426, 'upgrade_required', 'This is for WebSockets.'])
    assert.deepEqual(
      [response.headers.get('upgrade'), response.headers.get('sec-websocket-version')],
      ['websocket', '13'],
    )
  })

  it('is told to upgrade, without a body, when it asks for the head only', async () => {
    for (const path of ['/ws', '/ws/', '/ws/alerts', '/ws/predictions/AAPL?token=x']) {
      const [head, next] = ['HEAD', 'GET'].map((method) => `${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
      const answer = await answerTo(system.port, `${head}${next}`)
      assert.match(answer, /^HTTP\/1\.1 426 Upgrade Required\r\nUpgrade: websocket\r\n/, path)
      assert.match(answer, /^[^{]+\r\n\r\nHTTP\/1\.1 426 [^{]+\r\n\r\n{"error":"upgrade_required"/)
    }
  })
})

async function statusOf(port: number, request: string): Promise<number> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(request)
  let answer = ''
  for await (const chunk of socket) {
    answer += chunk
    if (answer.includes('\r\n')) break
  }
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])
}

/** All that comes until the connection is closed. */
async function answerTo(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(request)
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer
}

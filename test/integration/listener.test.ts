import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { type Listener, listen } from '../../src/listener.ts'
import { freePort } from '../support/ports.ts'
import { open, speak } from '../support/raw-http.ts'

const GET = 'GET /text HTTP/1.1\r\nHost: test\r\n\r\n'
const GET_SLOWLY = 'GET /slow HTTP/1.1\r\nHost: test\r\n\r\n'
const SLOW_MS = 300
/** Longer than the ten seconds after which the library drops a connection it thinks idle. */
const VERY_SLOW_MS = 15_000

describe('the listener', () => {
  const listeners: Listener[] = []
  const start = async (options: { port?: number; exclusive?: boolean } = {}) => {
    const listener = await listen({
      handle,
      host: '127.0.0.1',
      port: 0,
      exclusive: true,
      onError: assert.ifError,
      ...options,
    })
    listeners.push(listener)
    return listener
  }
  afterEach(() => {
    for (const listener of listeners.splice(0)) listener.close()
  })

  it('reports the port it was given when asked for any', async () => {
    const { port } = await start()
    assert.ok(port > 0)
    const { answers } = await speak(port, [GET], { answers: 1 })
    assert.equal(answers[0]?.body.toString(), 'text')
  })

  it('listens on the port it was asked for', async () => {
    const port = await freePort()
    assert.equal((await start({ port })).port, port)
  })

  it('is refused a port that another one has', async () => {
    const { port } = await start()
    await assert.rejects(start({ port }), {
      name: 'CannotListen',
      message: `Nothing can listen on 127.0.0.1:${port}: the port is taken. End what has it, or set PORT to another.`,
    })
    const { answers } = await speak(port, [GET], { answers: 1 })
    assert.equal(answers.length, 1)
  })

  it('is refused an address that is not this machine’s', async () => {
    const elsewhere = { handle, host: '192.0.2.1', port: 0, exclusive: true, onError: assert.ifError }
    await assert.rejects(
      listen(elsewhere),
      /192\.0\.2\.1:0: the address is not this machine's\. Set HOST to one that is\.$/,
    )
  })

  it('shares its port with others when it need not be exclusive', async () => {
    const port = await freePort()
    await start({ port, exclusive: false })
    await start({ port, exclusive: false })
    const dialogues = await Promise.all(Array.from({ length: 20 }, () => speak(port, [GET], { answers: 1 })))
    assert.ok(dialogues.every(({ answers }) => answers[0]?.body.toString() === 'text'))
  })

  it('leaves the port to another one when it has stopped listening', async () => {
    const first = await start()
    first.stopListening()
    await start({ port: first.port })
  })

  it('takes no new connection when it has stopped listening', async () => {
    const listener = await start()
    listener.stopListening()
    listener.stopListening()
    await assert.rejects(open(listener.port), { code: 'ECONNREFUSED' })
  })

  it('ends an open connection with its next answer when it has stopped listening', async () => {
    const listener = await start()
    const dialogue = speak(listener.port, [GET, GET], { betweenMs: 100, quietMs: 200 })
    await setTimeout(50)
    listener.stopListening()
    const { answers, connection } = await dialogue
    assert.deepEqual(
      answers.map(({ headers }) => headers.filter(([name]) => name === 'connection').map(([, value]) => value)),
      [[], ['close']],
    )
    assert.equal(connection, 'ended')
  })

  it('drains when the last exchange is over', async () => {
    const listener = await start()
    const dialogue = speak(listener.port, [GET_SLOWLY])
    await setTimeout(50)
    listener.stopListening()
    const startedAt = performance.now()
    await listener.drain(5_000)
    const tookMs = performance.now() - startedAt
    assert.ok(tookMs > SLOW_MS / 2 && tookMs < SLOW_MS * 3, `${tookMs} ms`)
    const { answers, connection } = await dialogue
    assert.deepEqual([answers[0]?.body.toString(), connection], ['slow', 'ended'])
  })

  it('drains no longer than it may', async () => {
    const listener = await start()
    const dialogue = speak(listener.port, [GET_SLOWLY])
    await setTimeout(50)
    const startedAt = performance.now()
    await listener.drain(100)
    assert.ok(performance.now() - startedAt < SLOW_MS / 2)
    listener.close()
    assert.deepEqual((await dialogue).answers, [])
  })

  it('takes a head of 12 kB in many packets', async () => {
    const { port } = await start()
    const head = `GET /text HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer ${'a'.repeat(12_000)}\r\n\r\n`
    const packets = Array.from({ length: 9 }, (_, index) => head.slice(index * 1_400, (index + 1) * 1_400))
    const { answers } = await speak(port, packets, { answers: 1, betweenMs: 3 })
    assert.equal(answers[0]?.status, 200)
  })

  it('refuses a head of more than 16 kB in many packets', async () => {
    const { port } = await start()
    const head = `GET /text HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer ${'a'.repeat(17_000)}\r\n\r\n`
    const packets = Array.from({ length: 13 }, (_, index) => head.slice(index * 1_400, (index + 1) * 1_400))
    const { answers, connection } = await speak(port, packets, { betweenMs: 3 })
    assert.deepEqual([answers[0]?.status, connection === 'kept'], [431, false])
  })

  it('does not cut an answer that takes long', async () => {
    const { port } = await start()
    const body = 'POST /very-slow HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody'
    const chunks = body.replace(
      'Content-Length: 4\r\n\r\nbody',
      'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
    )
    const requests = [
      body,
      chunks,
      'GET /very-slow HTTP/1.1\r\nHost: test\r\n\r\n',
      'GET /very-slow-stream HTTP/1.1\r\nHost: test\r\n\r\n',
    ]
    const dialogues = await Promise.all(
      requests.map((request) => speak(port, [request], { answers: 1, patienceMs: VERY_SLOW_MS + 3_000 })),
    )
    assert.deepEqual(
      dialogues.map(({ answers }) => answers[0]?.body.toString()),
      ['very slow', 'very slow', 'very slow', 'first, then second'],
    )
  })
})

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/slow') {
    await setTimeout(SLOW_MS)
    response.end('slow')
  } else if (request.url === '/very-slow') {
    await setTimeout(VERY_SLOW_MS)
    response.end('very slow')
  } else if (request.url === '/very-slow-stream') {
    response.write('first, ')
    await setTimeout(VERY_SLOW_MS)
    response.end('then second')
  } else response.end('text')
}

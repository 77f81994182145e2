import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import type { Context } from 'koa'
import { ApiError } from '../../../src/errors.ts'
import { readBody } from '../../../src/http/middleware/read-body.ts'
import { type BridgeAndNode, startBoth } from '../../support/bridge-and-node.ts'
import { eventually } from '../../support/eventually.ts'
import { placedBytes } from '../../support/raw-bytes.ts'
import { open, speak } from '../../support/raw-http.ts'

const MB = 1_000_000
const LIMIT = MB
/** What the two kernels and one read of the library take of an upload nobody reads, on loopback. */
const KERNEL_BYTES = 12 * MB

describe('the body of a request', () => {
  let both: BridgeAndNode
  let pending: { request: IncomingMessage; go: () => void } | undefined
  before(async () => {
    both = await startBoth({
      '/hash': hash,
      '/hash-when-told': async (ctx) => {
        await new Promise<void>((resolve) => {
          pending = { request: ctx.req, go: resolve }
        })
        await hash(ctx)
      },
      '/limited': limited,
      '/early': (ctx) => {
        ctx.status = 413
        ctx.body = 'too large'
      },
      '/reads-after-answer': (ctx) => {
        ctx.respond = false
        let read = 0
        ctx.req.on('data', (chunk: Buffer) => {
          read += chunk.length
        })
        ctx.req.on('end', () => both.errors.push(read))
        ctx.res.end('early')
      },
      '/text': (ctx) => {
        ctx.body = 'text'
      },
    })
  })
  after(() => both.stop())

  const bytes = placedBytes(0, 20 * MB)
  const sha256 = createHash('sha256').update(bytes).digest('hex')

  it('of 20 MB arrives whole', async () => {
    for (const port of [both.bridge, both.node]) {
      const { answers } = await speak(port, [post('/hash', `Content-Length: ${bytes.length}`), bytes], PATIENT)
      assert.equal(answers[0]?.body.toString(), sha256)
    }
  })

  it('of 20 MB arrives whole in chunks', async () => {
    const chunks = Array.from({ length: 200 }, (_, index) =>
      chunkOf(bytes.subarray(index * 100_000, (index + 1) * 100_000)),
    )
    const { answers } = await speak(both.bridge, [post('/hash', CHUNKED), ...chunks, '0\r\n\r\n'], PATIENT)
    assert.equal(answers[0]?.body.toString(), sha256)
  })

  it('is not taken from the connection before somebody reads it', async () => {
    const socket = await open(both.bridge)
    socket.write(post('/hash-when-told', `Content-Length: ${bytes.length}`))
    socket.write(bytes)
    await setTimeout(300)
    const taken = bytes.length - socket.writableLength
    await setTimeout(200)
    assert.equal(bytes.length - socket.writableLength, taken)
    assert.ok(taken < KERNEL_BYTES, `${taken} bytes were taken`)
    assert.ok((pending?.request.readableLength ?? 0) < MB)

    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    pending?.go()
    await eventually(() => answer.endsWith(sha256))
    socket.write('GET /text HTTP/1.1\r\nHost: test\r\n\r\n')
    await eventually(() => answer.endsWith('text'))
    socket.destroy()
  })

  it('is refused while it comes in when it has more bytes than allowed', async () => {
    const chunk = chunkOf(Buffer.alloc(MB / 4))
    const pieces = [post('/limited', CHUNKED), ...Array(6).fill(chunk)]
    const { answers, connection } = await speak(both.bridge, pieces, PATIENT)
    assert.deepEqual([answers[0]?.status, connection], [413, 'ended'])
  })

  it('that says it has more bytes than allowed is refused before it comes', async () => {
    const head = post('/limited', `Content-Length: ${LIMIT + 1}`)
    const { answers, connection } = await speak(both.bridge, [head], PATIENT)
    assert.deepEqual([answers[0]?.status, connection], [413, 'ended'])
  })

  it('does not keep its sender from an answer that comes before its end', async () => {
    for (const length of [5, LIMIT + 1, 20 * MB]) {
      const response = await fetch(`http://127.0.0.1:${both.bridge}/limited`, {
        method: 'POST',
        body: bytes.subarray(0, length),
      })
      assert.equal(response.status, length > LIMIT ? 413 : 415)
    }
  })

  it('that nobody reads leaves the connection to the next request', async () => {
    const pieces = [
      post('/early', `Content-Length: ${MB}`),
      bytes.subarray(0, MB),
      'GET /text HTTP/1.1\r\nHost: test\r\n\r\n',
    ]
    for (const port of [both.bridge, both.node]) {
      const { answers } = await speak(port, pieces, { answers: 2, betweenMs: 30 })
      assert.deepEqual(
        answers.map(({ status }) => status),
        [413, 200],
      )
    }
  })

  it('that does not come keeps an answer for a second', async () => {
    const startedAt = performance.now()
    const { answers, connection } = await speak(both.bridge, [post('/early', 'Content-Length: 9'), 'some'], PATIENT)
    const tookMs = performance.now() - startedAt
    assert.deepEqual([answers[0]?.status, connection], [413, 'ended'])
    assert.ok(tookMs > 900 && tookMs < 1_500, `${tookMs} ms`)
  })

  it('can be read to its end after the answer was given', async () => {
    const pieces = [post('/reads-after-answer', 'Content-Length: 300'), Buffer.alloc(100), Buffer.alloc(200)]
    const { answers } = await speak(both.bridge, pieces, { answers: 1, betweenMs: 20 })
    assert.equal(answers[0]?.body.toString(), 'early')
    await eventually(() => both.errors.includes(300))
  })
})

const PATIENT = { patienceMs: 10_000, quietMs: 100 }
const CHUNKED = 'Transfer-Encoding: chunked'

function post(target: string, framing: string): string {
  return `POST ${target} HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\n${framing}\r\n\r\n`
}

function chunkOf(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}

async function hash(ctx: Context): Promise<void> {
  const sum = createHash('sha256')
  for await (const chunk of ctx.req) sum.update(chunk as Buffer)
  ctx.body = sum.digest('hex')
}

async function limited(ctx: Context): Promise<void> {
  try {
    await readBody({ limit: LIMIT, types: ['application/json'], optional: false })(ctx, async () => undefined)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    ctx.status = error.status
    ctx.body = error.code
  }
}

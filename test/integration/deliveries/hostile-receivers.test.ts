import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { listAttempts } from '../../../src/deliveries/delivery-log.ts'
import { makeAttempt } from '../../../src/deliveries/make-attempt.ts'
import { endlessly, now } from '../../support/endless-answers.ts'
import { eventually } from '../../support/eventually.ts'
import { openFullBacklog } from '../../support/full-backlog.ts'
import { answer, openAttemptBench } from '../../support/work-attempt-bench.ts'
import { type attemptingWorker, openDelivery, storeWebhook } from '../../support/work-attempts.ts'

const HEAD = 'HTTP/1.1 200 OK\r\n'
const BOMB = gzipSync(Buffer.alloc(20_000_000))
const DAY = 86_400_000
/** The deadline for those that keep silent; who answers in a way that cannot be right is not waited for. */
const TIMEOUT_MS = 800
const PATIENCE_MS = 15_000

type Attack = (socket: Socket) => unknown

/** What a receiver does to whoever asks it, and the one word that the log says about it. */
const FAILURES: [what: string, attack: Attack, error: string][] = [
  ['headers without end', endlessly(HEAD, 'X-A: aaaaaaaa\r\n'), 'too_large'],
  ['a header without end', endlessly(`${HEAD}X-A: `, 'a'), 'too_large'],
  ['a reason without end', endlessly('HTTP/1.1 200 ', 'a'), 'too_large'],
  ['hints without end', endlessly('', 'HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n'), 'too_large'],
  ['empty hints without end', endlessly('', 'HTTP/1.1 102 Processing\r\n\r\n'), 'too_large'],
  ['a body without end', endlessly(`${HEAD}\r\n`, 'a'), 'too_large'],
  ['chunks without end', endlessly(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, '1\r\na\r\n'), 'too_large'],
  ['a chunk extension without end', endlessly(`${HEAD}Transfer-Encoding: chunked\r\n\r\n1;`, 'a'), 'too_large'],
  ['trailers without end', endlessly(`${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n`, 'X-A: a\r\n'), 'too_large'],
  ['more body than it said it had', endlessly(`${HEAD}Content-Length: 99999999\r\n\r\n`, 'a'), 'too_large'],
  ['a byte of the headers at a time', slowly(`${HEAD}X-A: ${'a'.repeat(100)}`), 'timeout'],
  ['a byte of the body at a time', slowly('a'.repeat(100), `${HEAD}Content-Length: 100\r\n\r\n`), 'timeout'],
  ['no answer', () => undefined, 'timeout'],
  ['a reset before the headers', (socket) => socket.resetAndDestroy(), 'connection_reset'],
  ['a reset within the headers', resetAfter(`${HEAD}X-A: `), 'connection_reset'],
  ['a reset within the body', resetAfter(`${HEAD}Content-Length: 9\r\n\r\nabc`), 'connection_reset'],
  ['its half of the connection closed', (socket) => socket.end(), 'connection_reset'],
  ['half a body and its half closed', now(`${HEAD}Content-Length: 9\r\n\r\nabc`, true), 'connection_reset'],
  ['an answer of HTTP/0.9', now('<html>hello</html>\r\n', true), 'protocol'],
  ['a bare line feed for each line', now('HTTP/1.1 200 OK\nContent-Length: 0\n\n'), 'protocol'],
  ['a negative length', now(`${HEAD}Content-Length: -1\r\n\r\n`), 'protocol'],
  ['a length with a sign', now(`${HEAD}Content-Length: +1\r\n\r\na`), 'protocol'],
  ['a hexadecimal length', now(`${HEAD}Content-Length: 0x1\r\n\r\na`), 'protocol'],
  ['a length beyond all numbers', now(`${HEAD}Content-Length: 99999999999999999999\r\n\r\n`), 'protocol'],
  [
    'two ways to end the body',
    now(`${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
    'protocol',
  ],
  ['a NUL byte in a header', now(`${HEAD}X-A: a\0b\r\nContent-Length: 0\r\n\r\n`), 'protocol'],
  ['random bytes', now('\x16\x03\x01\0\xff\xfe\0\0garbage'), 'protocol'],
  [
    'a redirect within',
    now('HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n'),
    'bad_status',
  ],
]

const SUCCESSES: [what: string, attack: Attack, kept: Buffer][] = [
  ['a gzip bomb', (socket) => socket.write(sized(BOMB, 'Content-Encoding: gzip\r\n')), BOMB.subarray(0, 16_384)],
  [
    'text that is no UTF-8',
    (socket) => socket.write(sized(Buffer.from('\0\xc3\x28\xff', 'latin1'))),
    Buffer.from('\0\xc3\x28\xff', 'latin1'),
  ],
  ['headers that are no UTF-8', now(`${HEAD}X-A: \xff\xfe\r\nContent-Length: 0\r\n\r\n`), Buffer.alloc(0)],
  ['more bytes behind its answer', now(`${answer(200)}${answer(500).repeat(50)}`), Buffer.alloc(0)],
]

describe('a hostile receiver', () => {
  const bench = openAttemptBench()

  function impatient(name: string, fields: Parameters<typeof attemptingWorker>[2] = {}) {
    return bench.newWorker(name, { timeoutMs: TIMEOUT_MS, ...fields })
  }

  const first = (deliveryId: string) => ({ deliveryId, attempt: 1 })

  async function attack(behave: Attack, timeoutMs = PATIENCE_MS) {
    const receiver = await bench.rawReceiver(behave)
    const deliveryId = await bench.owedTo(receiver)
    const worker = impatient('attacked', { timeoutMs })
    const startedAt = performance.now()
    await makeAttempt(worker.deps, first(deliveryId), new AbortController().signal)
    const tookMs = performance.now() - startedAt
    const [attempt] = await listAttempts(bench.db(), deliveryId)
    assert.ok(attempt)
    assert.deepEqual(worker.errors, [])
    return { receiver, attempt, tookMs, worker }
  }

  for (const [what, behave, error] of FAILURES) {
    it(`that sends ${what} ends as ${error}`, async () => {
      const { receiver, attempt, tookMs } = await attack(behave, error === 'timeout' ? TIMEOUT_MS : PATIENCE_MS)
      assert.deepEqual([attempt.status, attempt.error], ['failed', error], attempt.error_message ?? '')
      assert.ok(tookMs < PATIENCE_MS, `${tookMs} ms`)
      // undici dials again at once after it has cut a request short, so there may be a second, idle connection.
      if (error !== 'bad_status') await eventually(() => receiver.open() < receiver.accepted())
    })
  }

  for (const [what, behave, kept] of SUCCESSES) {
    it(`that sends ${what} is taken by its status, and what is kept are its bytes`, async () => {
      const { attempt } = await attack(behave)
      assert.deepEqual([attempt.status, attempt.response_code], ['success', 200], attempt.error_message ?? '')
      assert.deepEqual(attempt.response_body, kept)
    })
  }

  it('cannot make us write an endless stream: it is cut within a few buffers', async () => {
    let sent = 0
    await attack(endlessly('', 'HTTP/1.1 103 Early\r\n\r\n', (bytes) => (sent += bytes)))
    assert.ok(sent < 20_000_000, `${sent}`)
  })

  it('is asked again after at most a day, however long it wants', async () => {
    for (const wish of ['9'.repeat(300), 'Fri, 31 Dec 9999 23:59:59 GMT', '-1', '1e9', '0x10']) {
      const { worker } = await attack(now(answer(503, `Retry-After: ${wish}\r\n`)))
      const [{ retryInMs, error } = assert.fail()] = worker.attempted
      assert.equal(error, 'bad_status')
      assert.ok(retryInMs !== null && retryInMs >= 1_000 && retryInMs <= DAY, `${wish}: ${retryInMs}`)
    }
  })

  it('that answers before it has read the request is believed', async () => {
    const receiver = await bench.rawServer((socket) => {
      socket.write(answer(200))
      socket.pause()
    })
    const deliveryId = await bench.owedTo({ url: `http://127.0.0.1:${receiver.port}/` })
    await makeAttempt(
      impatient('early', { timeoutMs: PATIENCE_MS }).deps,
      first(deliveryId),
      new AbortController().signal,
    )
    assert.deepEqual(await bench.statuses(deliveryId), ['success'])
  })

  it('that never takes the connection ends as timeout, and nothing is sent to it later', async () => {
    const backlog = await openFullBacklog()
    try {
      const deliveryId = await bench.owedTo({ url: `http://127.0.0.1:${backlog.port}/` })
      await makeAttempt(impatient('dialling').deps, first(deliveryId), new AbortController().signal)
      const [attempt] = await listAttempts(bench.db(), deliveryId)
      assert.deepEqual([attempt?.status, attempt?.error], ['failed', 'timeout'])
    } finally {
      await backlog.close()
    }
  })

  it('holds up nobody else at the same worker', async () => {
    const receivers = await Promise.all(FAILURES.map(([, behave]) => bench.rawReceiver(behave)))
    const healthy = await bench.rawReceiver((socket) => socket.write(answer(200)))
    const worker = impatient('shared', { timeoutMs: 3_000 })
    for (const receiver of receivers) await storeWebhook(bench.db(), { url: receiver.url })
    const healthyId = await storeWebhook(bench.db(), { url: healthy.url })
    await openDelivery(bench.db())
    const owed = await bench
      .db()
      .query<{ id: string; webhook_id: string }>({ text: 'SELECT id, webhook_id FROM deliveries' })
    const make = (id: string) => makeAttempt(worker.deps, first(id), new AbortController().signal)
    const hostile = owed.filter((one) => one.webhook_id !== healthyId).map(({ id }) => make(id))
    const [good = assert.fail()] = owed.filter((one) => one.webhook_id === healthyId)
    await make(good.id)
    assert.deepEqual(await bench.statuses(good.id), ['success'])
    assert.deepEqual(
      (await Promise.all(hostile)).map((one) => one?.status),
      FAILURES.map(() => 'failed'),
    )
  })
})

function sized(body: Buffer, headers = ''): Buffer {
  return Buffer.concat([Buffer.from(`${HEAD}${headers}Content-Length: ${body.length}\r\n\r\n`), body])
}

function slowly(text: string, before = ''): Attack {
  return (socket) => {
    socket.write(before)
    let sent = 0
    const drip = setInterval(() => socket.write(text[sent++ % text.length] ?? ''), 50)
    socket.on('close', () => clearInterval(drip))
  }
}

function resetAfter(text: string): Attack {
  return (socket) => socket.write(text, () => setTimeout(() => socket.resetAndDestroy(), 30))
}

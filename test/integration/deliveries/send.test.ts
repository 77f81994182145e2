import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { createSender, type Outcome, type Sender } from '../../../src/deliveries/send.ts'
import { eventually } from '../../support/eventually.ts'
import { type RawReceiver, startRawReceiver } from '../../support/work-raw-receiver.ts'

const MANY_HEADERS = Array.from({ length: 5_000 }, (_, index) => `x-${index}: 1\r\n`).join('')

describe('the sender', () => {
  let sender: Sender
  const receivers: RawReceiver[] = []

  before(() => {
    sender = createSender({ allowCidrs: ['127.0.0.0/8'] })
  })
  after(() => sender.close())
  afterEach(async () => {
    for (const receiver of receivers.splice(0)) await receiver.close()
  })

  it('posts the body with the headers given, and asks for it uncompressed', async () => {
    const receiver = await answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Seen: yes\r\n\r\nok')
    const outcome = response(await post(receiver, { body: '{"a": "é"}', headers: { 'X-One': '1' } }))
    assert.equal(outcome.status, 200)
    assert.equal(outcome.body.toString(), 'ok')
    assert.equal(outcome.headers['x-seen'], 'yes')
    const [request = ''] = receiver.requests
    assert.match(request, /^POST \/hook\?a=1 HTTP\/1\.1\r\n/)
    assert.match(request, /\r\nX-One: 1\r\n/i)
    assert.match(request, /\r\naccept-encoding: identity\r\n/i)
    assert.match(request, /\r\ncontent-length: 11\r\n/i)
    assert.doesNotMatch(request, /\r\n(user-agent|expect|transfer-encoding|accept):/i)
  })

  const answers: [what: string, bytes: string, status: number, body: string][] = [
    ['an answer without a body', 'HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
    ['an answer of HTTP/1.0 that ends with the connection', 'HTTP/1.0 200 OK\r\n\r\nold', 200, 'old'],
    ['a status that does not exist', 'HTTP/1.1 799 Whatever\r\nContent-Length: 0\r\n\r\n', 799, ''],
    ['410', 'HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n', 410, ''],
    ['NUL bytes in the body', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\0a\0', 200, '\0a\0'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n', 200, 'abc'],
    ['hints before the answer', 'HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200, ''],
    ['bytes after the answer', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n', 200, 'ok'],
  ]
  for (const [what, bytes, status, body] of answers) {
    it(`takes ${what}`, async () => {
      const receiver = await answering(bytes, { end: bytes.startsWith('HTTP/1.0') })
      const outcome = response(await post(receiver))
      assert.equal(outcome.status, status)
      assert.equal(outcome.body.toString(), body)
    })
  }

  it('takes a name of an object’s own property, a repeated name and bytes beyond ASCII in the headers', async () => {
    const receiver = await answering(
      'HTTP/1.1 200 OK\r\n__proto__: 1\r\nconstructor: 2\r\nX-A: 1\r\nx-a: 2\r\nX-B: \xe9\r\nContent-Length: 0\r\n\r\n',
    )
    const { headers } = response(await post(receiver))
    assert.deepEqual(Object.entries(headers), [
      ['__proto__', '1'],
      ['constructor', '2'],
      ['x-a', ['1', '2']],
      ['x-b', 'é'],
      ['content-length', '0'],
    ])
  })

  it('does not follow a redirect, wherever it leads', async () => {
    const other = await answering('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    for (const location of [other.url, 'http://169.254.169.254/latest', '//10.0.0.1/', 'file:///etc/passwd']) {
      const receiver = await answering(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`)
      assert.equal(response(await post(receiver)).status, 302)
    }
    assert.equal(other.accepted(), 0)
  })

  it('hands on when the receiver wants to be asked again', async () => {
    const receiver = await answering(
      'HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n',
    )
    assert.equal(response(await post(receiver)).retryAfter, '7')
  })

  it('does not decompress an answer', async () => {
    const packed = gzipSync(Buffer.alloc(1_000_000))
    const receiver = await hostile((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`)
      socket.write(packed)
    })
    assert.deepEqual(response(await post(receiver)).body, packed)
  })

  it('keeps 16 KiB of an answer of 64 KiB', async () => {
    const receiver = await answering(`HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n${'a'.repeat(65_536)}`)
    assert.equal(response(await post(receiver)).body.length, 16_384)
  })

  it('stops reading an endless body and ends its connection', async () => {
    let written = 0
    const receiver = await hostile((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      const more = () => {
        do written += 1_000
        while (socket.writable && socket.write(`3e8\r\n${'a'.repeat(1_000)}\r\n`))
      }
      socket.on('drain', more)
      more()
    })
    assert.equal((await post(receiver)).kind, 'too_large')
    await endsTheConnection(receiver)
    assert.ok(written < 20_000_000, `${written}`)
  })

  const failures: [what: string, bytes: string, end: boolean, kind: Outcome['kind']][] = [
    ['endless headers', `HTTP/1.1 200 OK\r\n${MANY_HEADERS}`, false, 'too_large'],
    ['one endless header', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(100_000)}`, false, 'too_large'],
    ['an endless status line', `HTTP/1.1 200 ${'a'.repeat(1_000_000)}`, false, 'too_large'],
    ['endless hints', 'HTTP/1.1 103 Hints\r\n\r\n'.repeat(100_000), false, 'too_large'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', false, 'protocol'],
    ['an unasked 100 Continue', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', false, 'protocol'],
    ['another protocol', 'HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n', false, 'protocol'],
    ['a NUL byte in a header', 'HTTP/1.1 200 OK\r\nX-A: a\0b\r\n\r\n', false, 'protocol'],
    ['a header without a colon', 'HTTP/1.1 200 OK\r\nX-A\r\n\r\n', false, 'protocol'],
    ['a space in the name of a header', 'HTTP/1.1 200 OK\r\nX A: 1\r\n\r\n', false, 'protocol'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', false, 'protocol'],
    ['a bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', false, 'protocol'],
    ['the end instead of an answer', '', true, 'connection_reset'],
    ['the end in the middle of the headers', 'HTTP/1.1 200 OK\r\nX-A: ', true, 'connection_reset'],
    ['the end in the middle of the body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', true, 'connection_reset'],
    ['nothing', '', false, 'timeout'],
    ['half of the headers', 'HTTP/1.1 200 OK\r\nX-A: ', false, 'timeout'],
    ['half of the body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', false, 'timeout'],
  ]
  for (const [what, bytes, end, kind] of failures) {
    it(`says ${kind} to ${what}`, async () => {
      const receiver = await answering(bytes, { end })
      const outcome = await post(receiver, { timeoutMs: kind === 'timeout' ? 300 : 10_000 })
      assert.equal(outcome.kind, kind, JSON.stringify(outcome))
      assert.ok(outcome.kind !== 'response' && outcome.message !== '')
      await endsTheConnection(receiver)
    })
  }

  for (const [when, bytes] of [
    ['instead of an answer', ''],
    ['in the middle of an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'],
  ] as const) {
    it(`says connection_reset to a reset ${when}`, async () => {
      const receiver = await hostile((socket) => {
        socket.write(bytes, () => setTimeout(() => socket.resetAndDestroy(), 20))
      })
      assert.equal((await post(receiver)).kind, 'connection_reset')
    })
  }

  it('keeps one deadline over everything for a receiver that sends a byte now and then', async () => {
    const receiver = await hostile((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n')
      const drip = setInterval(() => socket.write('a'), 50)
      socket.on('close', () => clearInterval(drip))
    })
    const outcome = await post(receiver, { timeoutMs: 600 })
    assert.equal(outcome.kind, 'timeout')
    assert.ok(outcome.durationMs >= 590 && outcome.durationMs < 1_500, `${outcome.durationMs}`)
  })

  function post(receiver: { url: string }, fields: Partial<Parameters<Sender['send']>[0]> = {}): Promise<Outcome> {
    const url = `${receiver.url}?a=1`
    return sender.send({ webhookId: 'one', url, headers: {}, body: '{}', timeoutMs: 5_000, ...fields })
  }

  function answering(bytes: string, options: { end?: boolean } = {}): Promise<RawReceiver> {
    return hostile((socket) => {
      socket.write(Buffer.from(bytes, 'latin1'))
      if (options.end) socket.end()
    })
  }

  async function hostile(answer: Parameters<typeof startRawReceiver>[0]): Promise<RawReceiver> {
    const receiver = await startRawReceiver(answer)
    receivers.push(receiver)
    return receiver
  }
})

/** undici dials again at once after it has cut a request short, so there may be a second, idle connection. */
async function endsTheConnection(receiver: RawReceiver): Promise<void> {
  await eventually(() => receiver.open() < receiver.accepted())
}

function response(outcome: Outcome) {
  assert.ok(outcome.kind === 'response', JSON.stringify(outcome))
  return outcome
}

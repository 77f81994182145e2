import assert from 'node:assert/strict'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'
import { assertEnvelope } from './assert-envelope.ts'
import { chunked, LAST_CHUNK, rawRequest } from './raw-request.ts'

const EVENTS = '/api/v1/events'
const BATCH = `${EVENTS}/batch`
const EVENT = JSON.stringify({ event_type: 'system_error', data: { message: 'it broke' } })
const MIB = 1024 * 1024
const CHUNKED = 'Transfer-Encoding: chunked'

describe('the body of a request', () => {
  let system: WebSystem
  let producer: string
  before(async () => {
    system = await startWebSystem()
    producer = system.token('models', 'producer')
  })
  after(() => system.stop())

  const send = (path: string, lines: string[], body: (string | Uint8Array)[] = []) =>
    rawRequest(
      system.port,
      [
        `POST ${path} HTTP/1.1`,
        'Host: 127.0.0.1',
        `Authorization: Bearer ${producer}`,
        'Content-Type: application/json',
        ...lines,
      ],
      body,
    )
  const blanks = (bytes: number) => chunked(Buffer.alloc(bytes, ' '))

  for (const [path, limit] of [
    [EVENTS, MIB],
    [BATCH, 4 * MIB],
    ['/api/v1/publish', 4 * MIB],
    ['/api/v1/webhooks', MIB],
  ] as const) {
    it(`is refused over ${limit / MIB} MiB for ${path}, declared or counted`, async () => {
      // Neither the rest nor an end of either ever comes.
      const answers = await Promise.all([
        send(path, [`Content-Length: ${limit + 1}`]),
        send(path, [CHUNKED], [blanks(limit), blanks(1)]),
      ])
      for (const answer of answers) {
        assertEnvelope({ ...answer, body: JSON.parse(answer.text) }, 413, 'payload_too_large')
      }
    })
  }

  it('is accepted at exactly its limit, declared or counted', async () => {
    const declared = await system.call('POST', EVENTS, { token: producer, body: EVENT.padEnd(MIB) })
    assert.equal(declared.status, 202)
    const batch = Buffer.from(`[${EVENT}]`.padEnd(4 * MIB))
    const counted = await send(BATCH, [CHUNKED, 'Connection: close'], [chunked(batch), LAST_CHUNK])
    assert.equal(counted.status, 202)
  })

  it('of an event is refused with 413 when its canonical text is over 64 KiB', async () => {
    const data = { message: 'it broke', padding: 'x'.repeat(64 * 1024) }
    const body = { event_type: 'system_error', data }
    assertEnvelope(await system.call('POST', EVENTS, { token: producer, body }), 413, 'payload_too_large')
  })

  it('is refused with 415 when it is of another type or compressed', async () => {
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/x-ndjson', 'application/xml']
    const refused = [...types.map((type) => ({ 'content-type': type })), { 'content-encoding': 'gzip' }]
    for (const headers of refused) {
      const answer = await system.call('POST', EVENTS, { token: producer, body: EVENT, headers })
      assertEnvelope(answer, 415, 'unsupported_media_type')
    }
    const headers = { 'content-type': 'application/json; charset=utf-8', 'content-encoding': 'identity' }
    assert.equal((await system.call('POST', EVENTS, { token: producer, body: EVENT, headers })).status, 202)
  })

  it('is refused with its connection when two servers could read its framing in two ways', async () => {
    const heads = [
      ['Content-Length: 2', 'Content-Length: 2'],
      ['Transfer-Encoding: gzip'],
      ['Content-Length: 2', 'Authorization: Bearer another'],
    ]
    for (const lines of heads) {
      const answer = await send(EVENTS, lines)
      assertEnvelope({ ...answer, body: JSON.parse(answer.text) }, 400, 'bad_request')
    }
    // The native parser refuses these itself, with a page of its own.
    for (const lines of [['Content-Length: 2', CHUNKED], ['Content-Length: -1'], ['Content-Length: 2, 2']]) {
      assert.equal((await send(EVENTS, lines)).status, 400)
    }
  })
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type BridgeAndNode, startBoth } from '../../support/bridge-and-node.ts'
import { speak } from '../../support/raw-http.ts'

const MUTATIONS = 4_000
const AT_ONCE = 100
const GOOD = 'GET /text HTTP/1.1\r\nHost: test\r\n\r\n'
const HEAD = 'HTTP/1.1\r\nHost: test\r\n'
const VALID = [
  GOOD,
  `GET /echo?a=1 ${HEAD}Authorization: Bearer a.b.c\r\nCookie: a=1\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n`,
  `HEAD /stream ${HEAD}Connection: close\r\n\r\n`,
  `POST /echo ${HEAD}Content-Length: 11\r\n\r\nhello world`,
  `POST /echo ${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
  `POST /early ${HEAD}Expect: 100-continue\r\nContent-Length: 11\r\n\r\nhello world`,
  `POST /destroy-on-data ${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
  `GET /destroy-midway ${HEAD}\r\n${GOOD}`,
  `GET /slow-stream ${HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  `POST /answer-on-data ${HEAD}Content-Length: 11\r\n\r\nhello world${GOOD}`,
]
/** Bytes and words that mean something to a parser. */
const MEANINGFUL = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    ':',
    ' ',
    '\t',
    '\0',
    '\x7f',
    '\xff',
    '/',
    '?',
    '*',
    '%',
    ';',
    ',',
    '0',
    '-1',
    'g',
  ],
  ...['HTTP/1.0', 'HTTP/1.1', 'Host: other\r\n', 'Content-Length: 5\r\n', 'Content-Length: 99999999999\r\n'],
  ...['Transfer-Encoding: chunked\r\n', 'Connection: close\r\n', 'ffffffffffffffff', 'GET ', 'x'.repeat(20_000), GOOD],
]

const place = fc.double({ min: 0, max: 1, noNaN: true })
const mutation = fc.oneof(
  fc.record({ at: place, remove: fc.nat(8), insert: fc.constantFrom(...MEANINGFUL) }),
  fc.record({ at: place, remove: fc.nat(60), insert: fc.constant('') }),
  fc.record({ at: place, remove: fc.nat(2), insert: fc.nat(255).map((code) => String.fromCharCode(code)) }),
)
const mutant = fc.record({
  valid: fc.constantFrom(...VALID),
  mutations: fc.array(mutation, { minLength: 1, maxLength: 4 }),
  cut: place,
  reset: fc.boolean(),
})

describe('a broken request', () => {
  let both: BridgeAndNode
  before(async () => {
    both = await startBoth()
  })
  after(() => both.stop())

  it('neither ends the process nor keeps the next one from its answer', async () => {
    const mutants = fc.sample(mutant, { numRuns: MUTATIONS, seed: 20 })
    while (mutants.length > 0) {
      await Promise.all(mutants.splice(0, AT_ONCE).map((one) => provoke(both.bridge, one)))
      const { answers } = await speak(both.bridge, [GOOD], { answers: 1 })
      assert.equal(answers[0]?.body.toString(), 'text')
    }
    assert.deepEqual(both.errors, [])
  })

  it('leaves no exchange behind', async () => {
    const startedAt = performance.now()
    await both.listener.drain(5_000)
    assert.ok(performance.now() - startedAt < 3_000)
  })
})

async function provoke(port: number, { valid, mutations, cut, reset }: Mutant): Promise<void> {
  const request = mutations.reduce((text, { at, remove, insert }) => {
    const from = Math.floor(at * text.length)
    return text.slice(0, from) + insert + text.slice(from + remove)
  }, valid)
  const middle = Math.floor(cut * request.length)
  await speak(port, [request.slice(0, middle), request.slice(middle)], {
    patienceMs: 40,
    quietMs: 10,
    ...(reset ? { resetAfterMs: 5 } : {}),
  }).catch(() => undefined)
}

type Mutant = typeof mutant extends fc.Arbitrary<infer Value> ? Value : never

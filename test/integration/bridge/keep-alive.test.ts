import assert from 'node:assert/strict'
import { type BridgeAndNode, startBoth } from '../../support/bridge-and-node.ts'
import { ROUTES } from '../../support/bridge-routes.ts'
import { speak } from '../../support/raw-http.ts'

const AT_ONCE = 30
/** After every answer there is time for it to come, and for the connection to end. */
const MANNER = { betweenMs: 80, quietMs: 120, patienceMs: 1_000 }
/** They take longer than that. */
const SLOW = ['/big', '/big-stream', '/big-sized-stream', '/never', '/destroy-on-data', '/answer-on-data']

/** Where one of the servers ends the connection and the other does not; `same-as-node.test.ts` has the reasons. */
const ONLY_OURS_GO_ON = [
  'GET /205',
  'POST /205',
  'HEAD /closing',
  'HEAD /early-and-closing',
  ...each('/destroy-request'),
]
const ONLY_NODE_GOES_ON: string[] = []
/** Node lets its client wait for the rest of a broken answer, or has said more than its length. */
const BROKEN = ['/sized-too-short', '/sized-too-long', '/whole-too-short']

describe('a connection', () => {
  let both: BridgeAndNode
  before(async () => {
    both = await startBoth()
  })
  after(() => both.stop())

  const goesOn = async (port: number, method: string, path: string) => {
    const body = method === 'POST' ? 'Content-Length: 4\r\n\r\nbody' : '\r\n'
    const requests = [
      `${method} ${path} HTTP/1.1\r\nHost: test\r\n${body}`,
      `${method} /json HTTP/1.1\r\nHost: test\r\n${body}`,
    ]
    const { answers } = await speak(port, requests, { ...MANNER, bodiless: method === 'HEAD' })
    return answers.at(-1)?.status === 200 && answers.filter(({ status }) => status >= 200).length === 2
  }

  it('goes on after an answer where that of node:http does', async () => {
    const cases = Object.keys(ROUTES)
      .filter((path) => !SLOW.includes(path) && !BROKEN.includes(path))
      .flatMap((path) => ['GET', 'POST', 'HEAD'].map((method) => ({ method, path })))
    const [onlyOurs, onlyNode]: [string[], string[]] = [[], []]
    while (cases.length > 0) {
      await Promise.all(
        cases.splice(0, AT_ONCE).map(async ({ method, path }) => {
          const [ours, node] = await Promise.all([both.bridge, both.node].map((port) => goesOn(port, method, path)))
          if (ours && !node) onlyOurs.push(`${method} ${path}`)
          if (node && !ours) onlyNode.push(`${method} ${path}`)
        }),
      )
    }
    assert.deepEqual(onlyOurs.sort(), ONLY_OURS_GO_ON.sort())
    assert.deepEqual(onlyNode.sort(), ONLY_NODE_GOES_ON)
  })

  it('carries many requests of all kinds', async () => {
    const kinds = [
      'GET /text',
      'HEAD /text',
      'GET /stream',
      'HEAD /stream',
      'GET /204',
      'GET /sized-stream',
      'GET /error',
    ]
    for (const bodiless of [true, false]) {
      const requests = kinds.filter((kind) => kind.startsWith('HEAD') === bodiless)
      const pieces = Array.from({ length: 5 }, () => requests)
        .flat()
        .map((line) => `${line} HTTP/1.1\r\nHost: test\r\n\r\n`)
      const { answers } = await speak(both.bridge, pieces, { bodiless, betweenMs: 20, answers: pieces.length })
      assert.equal(answers.length, pieces.length)
    }
  })
})

function each(path: string): string[] {
  return ['GET', 'POST', 'HEAD'].map((method) => `${method} ${path}`)
}

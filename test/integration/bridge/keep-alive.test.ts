import assert from 'node:assert/strict'
import { type BridgeAndNode, startBoth } from '../../support/bridge-and-node.ts'
import { ROUTES } from '../../support/bridge-routes.ts'
import { speakInTurn } from '../../support/raw-http.ts'

const AT_ONCE = 30
/** Too much, or no answer. */
const ELSEWHERE = ['/big', '/big-stream', '/big-sized-stream', '/never', '/destroy-on-data', '/answer-on-data']

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
    const requests = [path, '/json'].map((target) => `${method} ${target} HTTP/1.1\r\nHost: test\r\n${body}`)
    const answers = await speakInTurn(port, requests, { bodiless: method === 'HEAD' })
    return answers.length === 2 && answers[1]?.status === 200
  }

  it('goes on after an answer where that of node:http does', async () => {
    const cases = Object.keys(ROUTES)
      .filter((path) => !ELSEWHERE.includes(path) && !BROKEN.includes(path))
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
      const answers = await speakInTurn(both.bridge, pieces, { bodiless })
      assert.equal(answers.length, pieces.length)
    }
  })
})

function each(path: string): string[] {
  return ['GET', 'POST', 'HEAD'].map((method) => `${method} ${path}`)
}

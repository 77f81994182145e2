import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type BridgeAndNode, startBoth } from '../../support/bridge-and-node.ts'
import type { RawAnswer } from '../../support/raw-answers.ts'
import { IS_SINCE_22 } from '../../support/raw-build.ts'
import { speak } from '../../support/raw-http.ts'

const HEAD = 'HTTP/1.1\r\nHost: test\r\nX-Some: field\r\n'
const REQUESTS: Record<string, string> = {
  'a request without a body': `GET /echo?a=1 ${HEAD}\r\n`,
  'a request with a sized body': `POST /echo ${HEAD}Content-Length: 11\r\n\r\nhello world`,
  'a request in chunks': `POST /echo ${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10\r\n sixteen letters\r\n0\r\n\r\n`,
  'a request whose body nobody reads': `POST /early ${HEAD}Content-Length: 11\r\n\r\nhello world`,
  'a request that closes': `POST /echo ${HEAD}Connection: close\r\nContent-Length: 11\r\n\r\nhello world`,
  'a request that is refused': `POST /echo ${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`,
}
const AT_ONCE = 50

describe('a request in several packets', () => {
  let both: BridgeAndNode
  before(async () => {
    both = await startBoth()
  })
  after(() => both.stop())

  const ask = async (pieces: string[]) => comparable((await speak(both.bridge, pieces, { answers: 1 })).answers)

  for (const [what, request] of Object.entries(REQUESTS)) {
    it(`is answered as in one when ${what} is cut in two at any byte`, async () => {
      const whole = await ask([request])
      const cuts = Array.from({ length: request.length - 1 }, (_, index) => index + 1)
      while (cuts.length > 0) {
        await Promise.all(
          cuts.splice(0, AT_ONCE).map(async (cut) => {
            const answer = await ask([request.slice(0, cut), request.slice(cut)])
            assert.deepEqual(answer, whole, `cut at ${cut}`)
          }),
        )
      }
    })

    it(`is answered as in one when ${what} is cut into many pieces`, async () => {
      const whole = await ask([request])
      const cut = fc.integer({ min: firstCut(request), max: request.length - 1 })
      const cuts = fc.uniqueArray(cut, { minLength: 2, maxLength: 30 })
      await fc.assert(
        fc.asyncProperty(cuts, async (places) => assert.deepEqual(await ask(cutAt(request, places)), whole)),
        { numRuns: 40, seed: 1 },
      )
    })
  }

  it('may come byte by byte', async () => {
    for (const request of Object.values(REQUESTS)) {
      const start = firstCut(request)
      assert.deepEqual(await ask([request.slice(0, start), ...request.slice(start)]), await ask([request]))
    }
  })

  it('is not understood up to Node 21 when its first line is cut and the next packet does not end the head', async () => {
    for (const request of Object.values(REQUESTS)) {
      const answers = await ask([request.slice(0, 3), request.slice(3, 8), request.slice(8)])
      if (IS_SINCE_22) assert.deepEqual(answers, await ask([request]))
      else assert.equal(answers[0]?.status, 505)
    }
  })
})

function firstCut(request: string): number {
  return IS_SINCE_22 ? 1 : request.indexOf('\n') + 1
}

function cutAt(text: string, places: readonly number[]): string[] {
  const sorted = [0, ...[...places].sort((one, other) => one - other), text.length]
  return sorted.slice(1).map((end, index) => text.slice(sorted[index], end))
}

/** Without what differs from one moment to the next. */
function comparable(answers: readonly RawAnswer[]) {
  return answers.map(({ status, headers, body, complete }) => ({
    status,
    complete,
    headers: headers.filter(([name]) => name !== 'date' && name !== 'x-request-id'),
    body: body.toString().replace(/"(timestamp|request_id)":"[^"]*"/g, ''),
  }))
}

import assert from 'node:assert/strict'
import { ApiError } from '../../../src/errors.ts'
import type { Input } from '../../../src/http/route.ts'
import { publishRoutes } from '../../../src/http/routes/publish.ts'
import { createIntake } from '../../../src/streams/intake.ts'
import { BackplaneAway } from '../../../src/streams/publisher.ts'

describe('POST /publish', () => {
  const messages = [{ channel: 'market-data', symbol: 'AAPL', data: { n: 1 } }]
  let refusals: string[]
  beforeEach(() => {
    refusals = []
  })
  function ask(publish: () => Promise<void>) {
    const intake = createIntake({ publish }, { messages: 1, bytes: 1024 })
    const metrics = { publicationRefused: (why: string) => void refusals.push(why) }
    const [route] = publishRoutes({ intake, bodyLimit: 1024, metrics })
    assert.ok(route)
    const input = { body: { messages } } as Input<unknown, unknown, unknown>
    return async () => route.handle(input).catch((error: unknown) => error)
  }

  it('answers 429 with the time to come back when the streams are far behind', async () => {
    let end: () => void = () => undefined
    const post = ask(
      () =>
        new Promise((resolve) => {
          end = resolve
        }),
    )
    const first = post()
    const refused = await post()
    assert.ok(refused instanceof ApiError)
    assert.deepEqual([refused.status, refused.code, refused.headers], [429, 'slow_down', { 'Retry-After': '1' }])
    assert.deepEqual(refused.details, { behind: 1, retry_after_ms: 100 })
    end()
    assert.deepEqual(await first, { accepted: 1 })
    assert.deepEqual(refusals, ['slow_down'])
  })

  it('answers 503 while they are away', async () => {
    const refused = await ask(() => Promise.reject(new BackplaneAway()))()
    assert.ok(refused instanceof ApiError)
    assert.deepEqual([refused.status, refused.code, refused.headers], [503, 'unavailable', { 'Retry-After': '2' }])
    assert.deepEqual(refusals, ['unavailable'])
  })
})

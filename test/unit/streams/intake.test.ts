import assert from 'node:assert/strict'
import { createIntake, TooFarBehind } from '../../../src/streams/intake.ts'
import { BackplaneAway, type OutgoingMessage } from '../../../src/streams/publisher.ts'
import { settle } from '../../support/stream-history.ts'
import { prices } from '../../support/stream-server.ts'

describe('the intake of what producers publish', () => {
  const LIMITS = { messages: 5_000, bytes: 1024 * 1024 }

  /** A backplane whose calls end when the test says so. */
  function slowBackplane() {
    const calls: { messages: readonly OutgoingMessage[]; end: () => void; fail: (error: unknown) => void }[] = []
    const publish = (messages: readonly OutgoingMessage[]) =>
      new Promise<void>((end, fail) => calls.push({ messages, end, fail }))
    return { calls, publish }
  }
  const numbersOf = (messages: readonly OutgoingMessage[] = []) => messages.map(({ data }) => JSON.parse(data).n)

  it('publishes at once what comes alone, and together what comes meanwhile, in its order', async () => {
    const { calls, publish } = slowBackplane()
    const intake = createIntake({ publish }, LIMITS)
    const done: number[] = []
    for (const n of [1, 2, 3]) intake.publish(prices('AAPL', 1, n)).then(() => done.push(n))
    assert.deepEqual(numbersOf(calls[0]?.messages), [1])
    assert.equal(calls.length, 1)
    assert.equal(intake.behind(), 3)
    calls[0]?.end()
    await settle()
    assert.deepEqual(done, [1])
    assert.deepEqual(numbersOf(calls[1]?.messages), [2, 3])
    calls[1]?.end()
    await settle()
    assert.deepEqual([done, intake.behind()], [[1, 2, 3], 0])
  })

  it('has a second call on the way when much waits, and no third', async () => {
    const { calls, publish } = slowBackplane()
    const intake = createIntake({ publish }, LIMITS)
    const all = Array.from({ length: 4 }, (_, n) => intake.publish(prices('AAPL', 1_000, n * 1_000)))
    assert.deepEqual(
      calls.map(({ messages }) => messages.length),
      [1_000, 1_000],
    )
    for (let at = 0; at < 4; at += 1) {
      calls[at]?.end()
      await settle()
    }
    await Promise.all(all)
    assert.deepEqual(
      numbersOf(calls.flatMap(({ messages }) => messages)),
      Array.from({ length: 4_000 }, (_, n) => n),
    )
  })

  it('refuses as a whole what is too much, says how far behind it is, and takes more when that was published', async () => {
    const { calls, publish } = slowBackplane()
    const intake = createIntake({ publish }, LIMITS)
    const taken = Array.from({ length: 5 }, () => intake.publish(prices('AAPL', 1_000)))
    assert.ok(intake.isBehind())
    const refused = await intake.publish(prices('AAPL', 1)).catch((error: unknown) => error)
    assert.ok(refused instanceof TooFarBehind)
    assert.equal(refused.behind, 5_000)
    assert.ok(refused.retryAfterMs >= 100 && refused.retryAfterMs <= 10_000)
    for (let at = 0; at < 5; at += 1) {
      calls[at]?.end()
      await settle()
    }
    await Promise.all(taken)
    assert.equal(intake.isBehind(), false)
    intake.publish(prices('AAPL', 1))
    assert.equal(calls.length, 6)
  })

  it('counts bytes too, but takes what is large when nothing else waits', async () => {
    const { calls, publish } = slowBackplane()
    const intake = createIntake({ publish }, { messages: 10, bytes: 10 })
    const large = intake.publish(prices('AAPL', 20))
    await assert.rejects(intake.publish(prices('AAPL', 1)), TooFarBehind)
    calls[0]?.end()
    await large
    assert.equal(intake.behind(), 0)
  })

  it('refuses all that waits when the backplane is away, so that what is sent again keeps its order', async () => {
    const { calls, publish } = slowBackplane()
    const intake = createIntake({ publish }, LIMITS)
    const outcomes = [1, 2, 3].map((n) => intake.publish(prices('AAPL', 1, n)).catch((error: unknown) => error))
    calls[0]?.fail(new BackplaneAway())
    for (const outcome of await Promise.all(outcomes)) assert.ok(outcome instanceof BackplaneAway)
    assert.deepEqual([calls.length, intake.behind()], [1, 0])
    const again = intake.publish(prices('AAPL', 1, 1))
    calls[1]?.end()
    await again
  })
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Heard } from '../../../src/streams/backplane.ts'
import type { StreamMessage } from '../../../src/streams/redis-scripts.ts'
import { makeHistory, makeTail, settle } from '../../support/stream-history.ts'

describe('what the tail of a stream emits', () => {
  it('is numbered without holes or says gap, whatever is lost, comes twice or crosses a reading', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.constant('publish' as const) },
      { weight: 6, arbitrary: fc.constant('deliver' as const) },
      { weight: 2, arbitrary: fc.constantFrom('lose' as const, 'repeat' as const, 'catchUp' as const) },
      { weight: 4, arbitrary: fc.constant('answer' as const) },
      { weight: 1, arbitrary: fc.constantFrom('fail' as const, 'beginAnew' as const) },
    )
    const steps = fc.array(step, { maxLength: 80 })
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 0, max: 8 }), fc.boolean(), async (taken, kept, started) => {
        const history = makeHistory(kept)
        const link: StreamMessage[] = []
        let last: StreamMessage | undefined
        const { tail, heard, start, answerAll } = makeTail(history)
        if (started) await start()
        const deliver = () => {
          last = link.shift()
          if (last) tail.hear(last)
        }
        const does: Record<(typeof taken)[number], () => unknown> = {
          publish: () => link.push(history.publish()),
          deliver,
          lose: () => link.shift(),
          repeat: () => last && tail.hear(last),
          catchUp: () => void tail.catchUp().catch(() => undefined),
          answer: () => history.readings.shift()?.answer(),
          fail: () => history.readings.shift()?.fail(),
          beginAnew: () => history.beginAnew(),
        }
        for (const one of taken) {
          does[one]()
          await settle()
        }
        while (link.length > 0) deliver()
        await answerAll()
        void tail.catchUp()
        await answerAll()
        assert.deepEqual([tail.position()?.epoch, tail.position()?.seq], [history.epoch(), history.seq()])
        assertNumbered(heard, tail.position())
        assert.ok(history.count <= 2 * taken.length + 10, `${history.count} readings`)
      }),
      { numRuns: 1000 },
    )
  })
})

/** Follows what was emitted: each frame is the next number, unless a gap says where the numbers go on. */
function assertNumbered(heard: readonly Heard[], end: { epoch: string; seq: number } | null): void {
  let at: { epoch: string; seq: number } | undefined
  for (const one of heard) {
    if (one.kind === 'gap') {
      if (at) assert.equal(one.from, at.seq + 1)
      if (one.to === null) assert.notEqual(one.epoch, at?.epoch)
      else assert.deepEqual([one.seq, one.epoch], [one.to, at?.epoch ?? one.epoch])
      if (one.to !== null) assert.ok(one.to >= one.from)
      at = { epoch: one.epoch, seq: one.seq }
    } else {
      const [epoch = '', seq] = one.frame.split('/')
      at ??= { epoch, seq: Number(seq) - 1 }
      assert.deepEqual([epoch, Number(seq)], [at.epoch, at.seq + 1])
      at.seq += 1
    }
  }
  if (at) assert.deepEqual(at, { epoch: end?.epoch, seq: end?.seq })
}

import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Heard } from '../../../src/streams/backplane.ts'
import type { StreamMessage } from '../../../src/streams/redis-scripts.ts'
import { createStreamTail, type Reading } from '../../../src/streams/stream-tail.ts'

const settle = () => new Promise((resolve) => setImmediate(resolve))

/** Numbers and keeps messages as Redis does; readings are answered when the test says so. */
function makeHistory(kept = 1000) {
  let epoch = 1
  let messages: StreamMessage[] = []
  const readings: { answer: () => void; fail: () => void }[] = []
  const history = {
    readings,
    count: 0,
    epoch: () => `e${epoch}`,
    seq: () => messages.length,
    publish(): StreamMessage {
      const seq = messages.length + 1
      const message = { epoch: `e${epoch}`, seq, frame: `e${epoch}/${seq}` }
      messages.push(message)
      return message
    },
    beginAnew() {
      epoch += 1
      messages = []
    },
    /** What it finds is what there is when it is answered. */
    read(have: { epoch: string; seq: number } | null): Promise<Reading> {
      history.count += 1
      const asked = have && { ...have }
      return new Promise((resolve, reject) => {
        readings.push({ answer: () => resolve(find(asked)), fail: () => reject(new Error('away')) })
      })
    },
  }
  function find(have: { epoch: string; seq: number } | null): Reading {
    const after = have === null ? messages.length - 1 : have.epoch === `e${epoch}` ? have.seq : 0
    const found = messages.slice(Math.max(after, messages.length - kept, 0))
    return { epoch: `e${epoch}`, seq: messages.length, messages: found }
  }
  return history
}

function makeTail(history: ReturnType<typeof makeHistory>) {
  const heard: Heard[] = []
  const errors: unknown[] = []
  const tail = createStreamTail({
    stream: 's',
    read: history.read,
    emit: (one) => heard.push(one),
    onError: (error) => errors.push(error),
  })
  /** Answers readings until none is asked for. */
  async function answerAll() {
    for (let rounds = 0; history.readings.length > 0; rounds += 1) {
      assert.ok(rounds < 100, 'readings without end')
      history.readings.shift()?.answer()
      await settle()
    }
  }
  async function start() {
    const started = tail.catchUp()
    await answerAll()
    await started
  }
  const said = () =>
    heard.map((one) => (one.kind === 'frame' ? one.frame : { from: one.from, to: one.to, seq: one.seq }))
  return { tail, heard, errors, said, start, answerAll }
}

describe('the tail of a stream', () => {
  it('stands at the last message when it begins, and then hears the next ones', async () => {
    const history = makeHistory()
    history.publish()
    history.publish()
    const { tail, said, start } = makeTail(history)
    assert.equal(tail.position(), null)
    await start()
    assert.deepEqual(tail.position(), { epoch: 'e1', seq: 2, last: 'e1/2' })
    tail.hear(history.publish())
    tail.hear(history.publish())
    assert.deepEqual(said(), ['e1/3', 'e1/4'])
    assert.deepEqual(tail.position(), { epoch: 'e1', seq: 4, last: 'e1/4' })
    assert.equal(history.count, 1)
  })

  it('drops what it has already', async () => {
    const history = makeHistory()
    const old = history.publish()
    const { tail, said, start } = makeTail(history)
    await start()
    const next = history.publish()
    for (const message of [old, next, next, old]) tail.hear(message)
    assert.deepEqual(said(), ['e1/2'])
    assert.equal(history.count, 1)
  })

  it('fills a hole from the history before it goes on', async () => {
    const history = makeHistory()
    const { tail, said, start, answerAll } = makeTail(history)
    await start()
    history.publish()
    history.publish()
    tail.hear(history.publish())
    tail.hear(history.publish())
    assert.deepEqual(said(), [])
    await answerAll()
    tail.hear(history.publish())
    assert.deepEqual(said(), ['e1/1', 'e1/2', 'e1/3', 'e1/4', 'e1/5'])
    assert.equal(history.count, 2)
  })

  it('says gap for what the history no longer has', async () => {
    const history = makeHistory(2)
    history.publish()
    const { tail, said, start, answerAll } = makeTail(history)
    await start()
    for (let n = 0; n < 5; n += 1) history.publish()
    tail.hear(history.publish())
    await answerAll()
    assert.deepEqual(said(), [{ from: 2, to: 5, seq: 5 }, 'e1/6', 'e1/7'])
  })

  it('says gap when all that it missed is gone, and has no last message then', async () => {
    const history = makeHistory(0)
    history.publish()
    const { tail, said, start, answerAll } = makeTail(history)
    await start()
    history.publish()
    const caughtUp = tail.catchUp()
    await answerAll()
    await caughtUp
    assert.deepEqual(said(), [{ from: 2, to: 2, seq: 2 }])
    assert.deepEqual(tail.position(), { epoch: 'e1', seq: 2, last: null })
  })

  it('says gap when the numbering began anew, and goes on with all that the new one has', async () => {
    const history = makeHistory()
    history.publish()
    const { tail, heard, said, start, answerAll } = makeTail(history)
    await start()
    history.beginAnew()
    history.publish()
    tail.hear(history.publish())
    await answerAll()
    assert.deepEqual(said(), [{ from: 2, to: null, seq: 0 }, 'e2/1', 'e2/2'])
    assert.equal(heard[0]?.kind === 'gap' && heard[0].epoch, 'e2')
    history.beginAnew()
    const caughtUp = tail.catchUp()
    await answerAll()
    await caughtUp
    assert.deepEqual(said().at(-1), { from: 3, to: null, seq: 0 })
    assert.deepEqual(tail.position(), { epoch: 'e3', seq: 0, last: null })
  })

  it('does not read without end for a message of an epoch that is over', async () => {
    const history = makeHistory()
    const { tail, said, start, answerAll } = makeTail(history)
    await start()
    history.publish()
    const [old, older] = [history.publish(), history.publish()]
    tail.hear(old)
    tail.hear(older)
    history.beginAnew()
    await answerAll()
    tail.hear(older)
    await answerAll()
    assert.deepEqual(said(), [{ from: 1, to: null, seq: 0 }])
    assert.ok(history.count <= 4, `${history.count} readings`)
  })

  it('leaves a failed reading to whoever asks next, and loses nothing by it', async () => {
    const history = makeHistory()
    const { tail, said, errors, start, answerAll } = makeTail(history)
    await start()
    history.publish()
    tail.hear(history.publish())
    tail.hear(history.publish())
    history.readings.shift()?.fail()
    await settle()
    assert.deepEqual([history.readings.length, errors.length, said()], [0, 1, []])
    const failing = assert.rejects(tail.catchUp())
    history.readings.shift()?.fail()
    await failing
    tail.hear(history.publish())
    await answerAll()
    assert.deepEqual(said(), ['e1/1', 'e1/2', 'e1/3', 'e1/4'])
  })

  it('reads again when more was heard during a reading than it can hold', async () => {
    const history = makeHistory(100_000)
    const { tail, said, start, answerAll } = makeTail(history)
    await start()
    history.publish()
    tail.hear(history.publish())
    history.readings.shift()?.answer()
    for (let n = 0; n < 10_500; n += 1) tail.hear(history.publish())
    await settle()
    await answerAll()
    assert.equal(said().length, 10_502)
  })

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

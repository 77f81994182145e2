import assert from 'node:assert/strict'
import type { Heard } from '../../src/streams/backplane.ts'
import type { StreamMessage } from '../../src/streams/redis-scripts.ts'
import { createStreamTail, type Reading } from '../../src/streams/stream-tail.ts'

export const settle = () => new Promise((resolve) => setImmediate(resolve))

/** Numbers and keeps messages as Redis does; readings are answered when the test says so. */
export function makeHistory(kept = 1000) {
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
      const message = { epoch: `e${epoch}`, seq, at: 0, frame: `e${epoch}/${seq}` }
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

export function makeTail(history: ReturnType<typeof makeHistory>) {
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

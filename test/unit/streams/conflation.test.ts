import assert from 'node:assert/strict'
import { mock } from 'node:test'
import type { Message } from '../../../src/streams/backplane.ts'
import { createConflation } from '../../../src/streams/conflation.ts'

/** Topics as uWebSockets.js has them, as far as that matters here. */
function bench() {
  const published: string[] = []
  const members = new Map<string, Set<string[]>>()
  const conflation = createConflation((topic, frame) => {
    published.push(topic)
    for (const inbox of members.get(topic) ?? []) inbox.push(short(frame))
  })
  const numbers = new Map<string, number>()
  return {
    conflation,
    published,
    hear(stream: string, times = 1) {
      for (let n = 0; n < times; n += 1) {
        const seq = (numbers.get(stream) ?? 0) + 1
        numbers.set(stream, seq)
        const message: Message = { kind: 'frame', stream, seq, frame: `{"seq":${seq}}`, at: 0 }
        conflation.take(message)
      }
    },
    listen(stream: string, everyMs: number) {
      const inbox: string[] = []
      const leave = conflation.join(stream, everyMs, {
        subscribe: (topic) => void members.set(topic, (members.get(topic) ?? new Set()).add(inbox)),
        unsubscribe: (topic) => void members.get(topic)?.delete(inbox),
        send: (frame) => inbox.push(short(frame)),
      })
      return { inbox, leave }
    },
  }
}

/** `7` for number 7, `7*` when it is marked as conflated. */
function short(frame: string): string {
  const { seq, conflated, type } = JSON.parse(frame)
  return type === 'gap' ? 'gap' : `${seq}${conflated ? '*' : ''}`
}

describe('conflation', () => {
  const A = 'market-data/A'
  beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }))
  afterEach(() => mock.timers.reset())

  it('brings the newest value once an interval, marked when values in between were left out', () => {
    const { hear, listen } = bench()
    const { inbox } = listen(A, 250)
    hear(A, 3)
    mock.timers.tick(249)
    assert.deepEqual(inbox, [])
    mock.timers.tick(1)
    hear(A)
    mock.timers.tick(250)
    mock.timers.tick(1000)
    hear(A, 2)
    mock.timers.tick(250)
    assert.deepEqual(inbox, ['3*', '4', '6*'])
  })

  it('publishes once a class and topic, however many listen, and keeps the classes apart', () => {
    const { hear, listen, published } = bench()
    const quick = [listen(A, 100), listen(A, 100), listen(A, 100)]
    const slow = listen(A, 1000)
    for (let beat = 0; beat < 10; beat += 1) {
      hear(A, 2)
      mock.timers.tick(100)
    }
    for (const { inbox } of quick)
      assert.deepEqual(
        inbox,
        range(10).map((n) => `${2 * n}*`),
      )
    assert.deepEqual(slow.inbox, ['20*'])
    assert.deepEqual(published.length, 11)
  })

  it('does not bring again what a listener had when it joined in the middle of an interval', () => {
    const { hear, listen } = bench()
    const first = listen(A, 250)
    hear(A, 2)
    const second = listen(A, 250)
    mock.timers.tick(250)
    assert.deepEqual([first.inbox, second.inbox], [['2*'], []])
    hear(A, 1)
    const third = listen(A, 250)
    hear(A, 1)
    mock.timers.tick(250)
    assert.deepEqual([second.inbox, third.inbox], [['4*'], ['4*']])
    hear(A, 1)
    mock.timers.tick(250)
    assert.deepEqual([first.inbox.at(-1), second.inbox.at(-1), third.inbox.at(-1)], ['5', '5', '5'])
  })

  it('does the same for a wildcard, of every symbol', () => {
    const { hear, listen, published } = bench()
    const B = 'market-data/B'
    const all = listen('market-data/*', 500)
    const one = listen(A, 500)
    hear(A, 3)
    hear(B, 1)
    const late = listen('market-data/*', 500)
    hear(B, 1)
    mock.timers.tick(500)
    assert.deepEqual([all.inbox, one.inbox, late.inbox], [['3*', '2*'], ['3*'], ['2*']])
    assert.deepEqual(published, ['market-data/A@500', 'market-data/*@500', 'market-data/*@500'])
  })

  it('ends with the last listener, who may leave before the first beat', () => {
    const { hear, listen, published } = bench()
    const one = listen(A, 250)
    hear(A)
    const other = listen(A, 250)
    other.leave()
    one.leave()
    mock.timers.tick(1000)
    assert.deepEqual([published, one.inbox, other.inbox], [[], [], []])
    const again = listen(A, 250)
    hear(A)
    mock.timers.tick(250)
    assert.deepEqual(again.inbox, ['2'])
  })

  it('tells a gap at once, after what was held', () => {
    const { conflation, hear, listen } = bench()
    const { inbox } = listen(A, 250)
    hear(A, 2)
    const joining = listen(A, 250)
    const gap = { kind: 'gap' as const, stream: A, from: 3, to: 5, epoch: 'e', seq: 5 }
    conflation.tell(gap, '{"type":"gap"}')
    assert.deepEqual([inbox, joining.inbox], [['2*', 'gap'], ['gap']])
  })
})

const range = (to: number) => Array.from({ length: to }, (_, index) => index + 1)

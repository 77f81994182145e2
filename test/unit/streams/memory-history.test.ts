import assert from 'node:assert/strict'
import { createMemoryHistory } from '../../../src/streams/memory-history.ts'

const limits = { messages: 5, seconds: 10, bytes: 1_000_000 }

function fill(
  history: ReturnType<typeof createMemoryHistory>,
  stream: string,
  from: number,
  to: number,
  at = 0,
  size = 10,
) {
  for (let seq = from; seq <= to; seq += 1) history.add(stream, { seq, frame: 'x'.repeat(size) }, at)
}

const numbers = (found: readonly { seq: number }[]) => found.map(({ seq }) => seq)

describe('the history in memory', () => {
  it('keeps the last messages of each stream, by count', () => {
    const history = createMemoryHistory(limits)
    fill(history, 'a', 1, 8)
    fill(history, 'b', 1, 2)
    assert.deepEqual(numbers(history.after('a', 0, 100, 0)), [4, 5, 6, 7, 8])
    assert.deepEqual(numbers(history.after('a', 6, 100, 0)), [7, 8])
    assert.deepEqual(numbers(history.after('a', 3, 2, 0)), [4, 5])
    assert.deepEqual(numbers(history.after('a', 8, 100, 0)), [])
    assert.deepEqual(numbers(history.after('b', 0, 100, 0)), [1, 2])
    assert.deepEqual(numbers(history.after('c', 0, 100, 0)), [])
  })

  it('forgets by age, also what nothing is published after', () => {
    const history = createMemoryHistory(limits)
    fill(history, 'a', 1, 2, 0)
    fill(history, 'a', 3, 4, 6_000)
    assert.deepEqual(numbers(history.after('a', 0, 100, 11_000)), [3, 4])
    assert.deepEqual(numbers(history.after('a', 0, 100, 17_000)), [])
    assert.equal(history.bytes(), 0)
  })

  it('stays within its bytes over all streams, the oldest message of all going first', () => {
    const history = createMemoryHistory({ messages: 1000, seconds: 1000, bytes: 12_000 })
    fill(history, 'a', 1, 5, 0, 1000)
    fill(history, 'b', 1, 7, 0, 1000)
    assert.ok(history.bytes() <= 12_000)
    const kept = [history.after('a', 0, 100, 0), history.after('b', 0, 100, 0)].map(numbers)
    assert.deepEqual(kept, [
      [3, 4, 5],
      [1, 2, 3, 4, 5, 6, 7],
    ])
  })

  it('keeps nothing that is dropped in memory, however long one stream goes on', () => {
    const history = createMemoryHistory({ ...limits, seconds: 1_000_000 })
    fill(history, 'quiet', 1, 1)
    fill(history, 'a', 1, 100_000)
    assert.deepEqual(numbers(history.after('a', 0, 100, 0)), [99_996, 99_997, 99_998, 99_999, 100_000])
    assert.deepEqual(numbers(history.after('quiet', 0, 100, 0)), [1])
    assert.equal(history.bytes(), 6 * 210)
  })

  it('forgets a stream when it is told to', () => {
    const history = createMemoryHistory(limits)
    fill(history, 'a', 1, 3)
    history.forget('a')
    assert.deepEqual([numbers(history.after('a', 0, 100, 0)), history.bytes()], [[], 0])
  })
})

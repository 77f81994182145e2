import assert from 'node:assert/strict'
import { mock } from 'node:test'
import type { Heard } from '../../../src/streams/backplane.ts'
import { createOutbox, gatherFor } from '../../../src/streams/outbox.ts'

function bench() {
  const turns: number[][] = []
  let load = 0
  let now = 0
  let spreadTakes = 0
  const pass = (ms: number) => {
    now += ms
    mock.timers.tick(ms)
  }
  const outbox = createOutbox(
    (gathered) => {
      turns.push(gathered.map(({ seq }) => seq))
      now += spreadTakes
    },
    () => load,
    () => now,
  )
  let seq = 0
  return {
    outbox,
    turns,
    pass,
    beBusy(share: number) {
      load = share
      pass(100)
    },
    takeToSpread(ms: number) {
      spreadTakes = ms
    },
    put(count = 1) {
      for (let n = 0; n < count; n += 1) {
        seq += 1
        const heard: Heard = { kind: 'frame', stream: 's', seq, frame: '', at: 0 }
        outbox.put(heard)
      }
    },
  }
}

describe('the outbox', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setInterval', 'setTimeout'] }))
  afterEach(() => mock.timers.reset())

  it('sends at once while the loop has time', () => {
    const { put, turns, beBusy } = bench()
    put(2)
    beBusy(0.2)
    put()
    assert.deepEqual(turns, [[1], [2], [3]])
  })

  it('gathers for 2 to 10 ms while the loop is busy, and sends what was gathered in order, in one turn', () => {
    const { put, turns, beBusy, pass } = bench()
    beBusy(0.9)
    put()
    pass(1)
    put(3)
    pass(9)
    put(1)
    assert.deepEqual(turns, [[1]])
    pass(1)
    assert.deepEqual(turns.slice(1), [[2, 3, 4, 5]])
    beBusy(0.3)
    put()
    pass(1)
    put(2)
    pass(2)
    beBusy(0.1)
    put()
    assert.deepEqual(turns.slice(2), [[6], [7, 8], [9]])
  })

  it('lets what came while others were spread wait for the rest of the time only', () => {
    const { put, turns, beBusy, pass, takeToSpread } = bench()
    beBusy(0.9)
    takeToSpread(7)
    put()
    pass(1)
    put(2)
    pass(2)
    assert.deepEqual(turns, [[1]])
    pass(1)
    assert.deepEqual(turns, [[1], [2, 3]])
  })

  it('hears what has come meanwhile before it goes on, when spreading takes longer than the time', () => {
    const { put, turns, beBusy, pass, takeToSpread } = bench()
    beBusy(0.9)
    takeToSpread(50)
    put()
    pass(1)
    put(3)
    assert.deepEqual(turns, [[1]])
    pass(1)
    assert.deepEqual(turns, [[1], [2, 3, 4]])
  })

  it('sends no fraction of a millisecond too soon', () => {
    const { beBusy, put, pass, turns } = bench()
    beBusy(1)
    put()
    pass(1)
    pass(0.3)
    put()
    pass(9.8)
    assert.deepEqual(turns, [[1]])
    pass(0.2)
    assert.deepEqual(turns, [[1], [2]])
  })

  it('gathers the longer the busier the loop is', () => {
    assert.deepEqual([0, 0.29, 0.3, 0.45, 0.6, 1].map(gatherFor), [0, 0, 2, 6, 10, 10])
  })

  it('sends at once what somebody waits for, and never twice', () => {
    const { put, turns, beBusy, outbox } = bench()
    beBusy(1)
    put(2)
    outbox.settle()
    outbox.settle()
    mock.timers.tick(50)
    assert.deepEqual(turns, [[1, 2]])
  })

  it('holds no flood back', () => {
    const { put, turns, beBusy } = bench()
    beBusy(1)
    put(5000)
    assert.deepEqual(
      turns.map(({ length }) => length),
      [2000, 2000],
    )
  })

  it('sends nothing after it was closed', () => {
    const { put, turns, beBusy, outbox } = bench()
    beBusy(1)
    put()
    outbox.close()
    mock.timers.tick(50)
    assert.deepEqual(turns, [])
  })
})

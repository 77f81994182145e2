import assert from 'node:assert/strict'
import { mock } from 'node:test'
import type { Subscriber } from '../../../src/sockets/subscriber.ts'
import { startSweep } from '../../../src/sockets/sweep.ts'

const RULES = { heartbeatSeconds: 30, silenceSeconds: 75, degradeSeconds: 3, slowSeconds: 15 }

describe('the sweep', () => {
  let now: number
  let sweep: { stop(): void }
  beforeEach(() => {
    now = 1_000_000
    mock.timers.enable({ apis: ['setInterval', 'Date'], now })
    mock.method(performance, 'now', () => now)
  })
  afterEach(() => {
    sweep.stop()
    mock.timers.reset()
    mock.restoreAll()
  })

  /** Sockets whose clients answer every ping at once, but for those that vanished. */
  function start({ isCrowded, opened }: { isCrowded: boolean; opened: number[] }) {
    const vanished = new Set<number>()
    const pings = opened.map(() => 0)
    const silent = new Map<number, number | null>()
    const subscribers = opened.map((openedAt, index) => {
      const ping = () => {
        pings[index] = (pings[index] ?? 0) + 1
        if (!vanished.has(index)) subscriber.lastHeard = now
      }
      const socket = { getBufferedAmount: () => 0, cork: (work: () => void) => work(), send: () => 1, ping }
      const known = { state: 'open', principal: null, waitsForToken: false, silent: false, slowSince: 0, askedAt: 0 }
      const subscriber = { ...known, socket, openedAt, lastHeard: now, index }
      return subscriber
    })
    const indexOf = (subscriber: Subscriber) => (subscriber as unknown as { index: number }).index
    sweep = startSweep({
      subscribers: new Set(subscribers as unknown as Subscriber[]),
      rules: RULES,
      limits: {
        crowded: () => isCrowded,
        setSilent: (subscriber, isSilent) => void silent.set(indexOf(subscriber), isSilent ? now : null),
      },
      authenticator: { recheck: async () => true, endOf: () => Number.POSITIVE_INFINITY },
      close: (subscriber) => assert.fail(`closed ${indexOf(subscriber)}`),
      metrics: { limited: (limit) => assert.fail(limit) },
      onError: assert.ifError,
    })
    return { vanished, pings, silent, subscribers }
  }

  function pass(seconds: number): void {
    for (let second = 0; second < seconds; second += 1) {
      now += 1_000
      mock.timers.tick(1_000)
    }
  }

  const TIMES = Array.from({ length: 30 }, (_, second) => 1_000_000 + second * 1_000)

  it('finds a vanished client of a user near the limit within 15 s, and no other', () => {
    for (const wait of [0, 1, 2, 3]) {
      const { vanished, silent } = start({ isCrowded: true, opened: TIMES })
      pass(40 + wait)
      assert.deepEqual([...silent], [])
      for (let index = 0; index < TIMES.length; index += 2) vanished.add(index)
      const since = now
      pass(15)
      assert.deepEqual(
        [...silent.keys()].sort((a, b) => a - b),
        [...vanished].sort((a, b) => a - b),
      )
      for (const at of silent.values()) assert.ok(at !== null && at - since < 15_000)
      vanished.clear()
      pass(5)
      assert.deepEqual(new Set(silent.values()), new Set([null]))
      sweep.stop()
    }
  })

  it('counts one that is being closed and does not read the code as vanished', () => {
    const { silent, subscribers } = start({ isCrowded: false, opened: TIMES })
    Object.assign(subscribers[3] ?? {}, { state: 'ending' })
    pass(1)
    assert.deepEqual([...silent], [[3, now]])
  })

  it('pings the others with the heartbeat only', () => {
    const { pings } = start({ isCrowded: false, opened: TIMES })
    pass(90)
    assert.deepEqual(new Set(pings), new Set([3]))
  })
})

import type { Heard } from './backplane.ts'

/**
 * What was heard, on its way to the sockets. uWebSockets.js writes once for a socket what was published in one turn of the
 * loop, and a write costs ten times what a message in it does. So while the loop has time a message goes out at once; the
 * busier it is the longer messages are gathered, and each write carries more of them. The time counts from the last time they
 * were spread, so what came while that was done, which takes long with many sockets, does not wait for it all over again.
 */
export interface Outbox {
  put(heard: Heard): void
  /** Spreads what was gathered, now: whoever joins or answers next comes after it. */
  settle(): void
  close(): void
}

/** How busy the loop was is looked at this often. */
const SAMPLE_MS = 100
/** Below this share of the time nothing is gathered, and above that one the longest. */
const IDLE = 0.3
const BUSY = 0.6
const SHORTEST_MS = 2
const LONGEST_MS = 10
/** Even when it is time: the loop first hears what has come meanwhile. */
const LEAST_MS = 1
/** Gathered messages are held twice, so a flood goes out as it comes. */
const MOST_GATHERED = 2_000

/** @param load the share of time that the loop was busy since it was asked last, 0 to 1 */
export function createOutbox(
  spread: (gathered: readonly Heard[]) => void,
  load: () => number = loopLoad(),
  now: () => number = () => performance.now(),
): Outbox {
  let gathered: Heard[] = []
  let gatherMs = 0
  let timer: NodeJS.Timeout | undefined
  let spreadAt = Number.NEGATIVE_INFINITY
  const sampling = setInterval(() => {
    gatherMs = gatherFor(load())
  }, SAMPLE_MS).unref()

  function settle(): void {
    clearTimeout(timer)
    timer = undefined
    if (gathered.length === 0) return
    const ready = gathered
    gathered = []
    spreadAt = now()
    spread(ready)
  }

  return {
    put(heard) {
      gathered.push(heard)
      if (gatherMs === 0 || gathered.length >= MOST_GATHERED) settle()
      // Whole milliseconds, upwards: a timer drops the fraction, and each spread costs a write for every socket.
      else timer ??= setTimeout(settle, Math.max(LEAST_MS, Math.ceil(spreadAt + gatherMs - now())))
    },
    settle,
    close() {
      clearInterval(sampling)
      clearTimeout(timer)
    },
  }
}

/** 0 while the loop has time, then 2 to 10 ms. */
export function gatherFor(load: number): number {
  if (load < IDLE) return 0
  const share = Math.min(1, (load - IDLE) / (BUSY - IDLE))
  return Math.round(SHORTEST_MS + share * (LONGEST_MS - SHORTEST_MS))
}

function loopLoad(): () => number {
  let before = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return utilization
  }
}

import type { TemplatedApp } from 'uWebSockets.js'
import type { Backplane, Heard, Message } from '../streams/backplane.ts'
import { type ConflatedListener, createConflation } from '../streams/conflation.ts'
import { gapFrame } from '../streams/frames.ts'
import { createHub, type Hub } from '../streams/hub.ts'
import { createOutbox } from '../streams/outbox.ts'
import { wildcardOf } from '../streams/stream-name.ts'
import type { StreamMetrics } from '../telemetry/stream-metrics.ts'

/** The way of what the backplane brings to the topics that sockets listen to. */
export interface FanOut {
  hub: Hub
  /**
   * Puts a socket among those that get a stream, or the wildcard: every message, or the newest one each so many ms. All that
   * was heard before must have been spread (`hub.settle`).
   * @returns how to leave
   */
  listen(stream: string, everyMs: number, listener: ConflatedListener): () => void
  close(): void
}

/** Backlogs are looked at whenever this much was published, so none grows far over its limit. */
const LOOK_AFTER = 1024 * 1024
/** How long messages take is measured at most this often. */
const MEASURE_EVERY_MS = 20

export function createFanOut(deps: {
  app: Pick<TemplatedApp, 'publish'>
  backplane: Backplane
  metrics: StreamMetrics
  /** Called after much was published. */
  lookAtBacklogs: () => void
}): FanOut {
  const { app, metrics } = deps
  const outbox = createOutbox(spread)
  const hub = createHub(deps.backplane, { put, settle: outbox.settle })
  const conflation = createConflation(publish)
  const isTimeToHear = sparsely()
  const isTimeToSpread = sparsely()
  let publishedSinceLook = 0

  function put(heard: Heard): void {
    if (heard.kind === 'gap') metrics.gap()
    else {
      metrics.published()
      if (isTimeToHear()) metrics.heard(ageOf(heard))
    }
    outbox.put(heard)
  }

  function spread(gathered: readonly Heard[]): void {
    for (const heard of gathered) spreadOne(heard)
    measureLag(gathered[0])
    if (publishedSinceLook < LOOK_AFTER) return
    publishedSinceLook = 0
    deps.lookAtBacklogs()
  }

  function spreadOne(heard: Heard): void {
    const frame = heard.kind === 'frame' ? heard.frame : gapFrame(heard)
    if (hub.has(heard.stream)) publish(heard.stream, frame)
    const wildcard = wildcardOf(heard.stream)
    if (wildcard === null) return
    if (hub.has(wildcard)) publish(wildcard, frame)
    if (heard.kind === 'frame') conflation.take(heard)
    else conflation.tell(heard, frame)
  }

  function publish(topic: string, frame: string): void {
    if (app.publish(topic, frame)) publishedSinceLook += frame.length
  }

  /** Of the one that waited the longest. */
  function measureLag(oldest: Heard | undefined): void {
    if (oldest?.kind === 'frame' && isTimeToSpread()) metrics.spread(ageOf(oldest))
  }

  return {
    hub,
    listen(stream, everyMs, listener) {
      if (everyMs > 0) return conflation.join(stream, everyMs, listener)
      listener.subscribe(stream)
      return () => listener.unsubscribe(stream)
    },
    close() {
      outbox.close()
      conflation.close()
    },
  }
}

/** Says so at most once in `MEASURE_EVERY_MS`. */
function sparsely(): () => boolean {
  let last = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now - last < MEASURE_EVERY_MS) return false
    last = now
    return true
  }
}

/** Seconds, by the clocks of the publisher and of this process. */
function ageOf({ at }: Message): number {
  return Math.max(0, Date.now() - at) / 1000
}

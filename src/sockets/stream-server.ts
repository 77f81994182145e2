import type { TemplatedApp, WebSocket, WebSocketBehavior } from 'uWebSockets.js'
import type { Config } from '../config.ts'
import type { Authenticator } from '../identity/authenticator.ts'
import type { LoginLimit } from '../identity/login-limit.ts'
import type { Tier } from '../identity/principal.ts'
import type { RedisConnection } from '../redis/connect.ts'
import type { Backplane } from '../streams/backplane.ts'
import type { Intake } from '../streams/intake.ts'
import type { Logger } from '../telemetry/log.ts'
import type { SlowStage, StreamMetrics } from '../telemetry/stream-metrics.ts'
import { type Admission, type Arrival, admit, type Visitor } from './admission.ts'
import { answerFrame } from './answer-frame.ts'
import type { Carrier } from './carrier.ts'
import { CLOSE, retryAfter } from './close-codes.ts'
import { countSlow } from './count-slow.ts'
import type { DeliveryWatch } from './delivery-watch.ts'
import { drainSockets } from './drain-sockets.ts'
import { EventStream } from './event-stream.ts'
import { attachEventStreams } from './event-stream-server.ts'
import { createEventTopics } from './event-topics.ts'
import { createFanOut } from './fan-out.ts'
import { refusePlainRequest } from './handshake.ts'
import { createTokenJudge } from './judge-token.ts'
import { createLobby } from './lobby.ts'
import { logClosed } from './log-closed.ts'
import { createOriginCheck } from './origins.ts'
import { createProducers } from './producers.ts'
import { createSocketLimits } from './socket-limits.ts'
import { PUBLISH_PATH } from './stream-path.ts'
import { Subscriber } from './subscriber.ts'
import { type Probing, startSweep } from './sweep.ts'
import { welcome } from './welcome.ts'

export interface StreamServer {
  /** Server-Sent Events among them. */
  sockets(): number
  eventStreams(): number
  streams(): number
  /** Sockets that have not read all that was sent. */
  slow(): Record<SlowStage, number>
  /** Takes no new socket and closes those that are open with 4501, spread over `ms`, each told when to come back. */
  drain(ms: number): Promise<void>
  close(): Promise<void>
}

export interface StreamDeps {
  backplane: Backplane
  /** Takes what producers publish. */
  intake: Intake
  authenticator: Pick<Authenticator, 'stream' | 'recheck' | 'endOf'>
  logins: LoginLimit
  rules: Config['streams']
  /** How many sockets a user may have, by tier; producers and admins any number. */
  socketsPerUser: Record<Tier, number>
  /** Counts the sockets of users over all processes, when there are several. */
  redis: RedisConnection | undefined
  trustedProxies: number
  log: Logger
  metrics: StreamMetrics
  watch: DeliveryWatch
  onError: (error: unknown) => void
  probing?: Probing | undefined
}

/** uWebSockets.js closes over `payload` without a code, so it only bounds memory. */
const READERS = { frame: 64 * 1024, payload: 256 * 1024, tooLarge: 'a frame has at most 64 KiB' }
const PRODUCERS = { frame: 1024 * 1024, payload: 4 * 1024 * 1024, tooLarge: 'a frame has at most 1 MiB' }
/**
 * What may wait for one socket beyond the kernel's buffers. Twice the largest publication (4 MiB), so that a burst in one
 * turn, before anything could be sent, does not close who reads well; who does not is found by time.
 */
const MOST_BACKLOG = 8 * 1024 * 1024
/**
 * Over this uWebSockets.js drops single messages and sends later ones, a hole that only the numbers show. So it lies where
 * no backlog gets to: the limit, what is published until the next look, and the 32 messages that the library holds back.
 */
const MOST_BEFORE_DROPPING = 16 * 1024 * 1024

/** What the library says when it ends a socket for a frame over `payload`. */
const OVER_PAYLOAD = Buffer.from('Received too big message')

const READING = { permission: 'streams:read', otherwise: 'the role may not read streams' } as const
const PUBLISHING = { permission: 'events:publish', otherwise: 'the role may not publish' } as const

/** The streams under `/ws`, beside whatever else the uWebSockets.js app serves. */
export function attachStreams(app: TemplatedApp, deps: StreamDeps): StreamServer {
  const { rules, metrics, onError } = deps
  const subscribers = new Set<Subscriber>()
  const bySocket = new WeakMap<WebSocket<Arrival>, Subscriber>()
  const topics = createEventTopics()
  const streams = createFanOut({ app: { publish }, backplane: deps.backplane, metrics, lookAtBacklogs })
  const judge = createTokenJudge({ ...deps, needs: READING })
  const judgeProducer = createTokenJudge({ ...deps, needs: PUBLISHING })
  const producers = createProducers({ ...deps, close })
  const limits = createSocketLimits({ ...deps, sockets: () => subscribers.size + lobby.size(), close })
  const sweep = startSweep({ ...deps, subscribers, limits, close })
  const lobby = createLobby({ judged, read, metrics, onError })
  const allowsOrigin = createOriginCheck(rules.origins)
  const { trustedProxies } = deps
  const admission = { ...rules, trustedProxies, judge, judgeProducer, allowsOrigin, metrics, turnAway: limits.turnAway }
  const frames = { ...rules, close, onUser, metrics, watch: deps.watch }

  /** To the sockets of a topic, and to the responses. */
  function publish(topic: string, frame: string): boolean {
    const hasResponses = topics.publish(topic, frame)
    return app.publish(topic, frame) || hasResponses
  }

  function close(subscriber: Subscriber, code: number, reason: string): void {
    subscriber.close(code, reason)
  }

  function letIn(carrier: Carrier, visitor: Visitor, admission: Admission): Subscriber {
    const subscriber = new Subscriber(carrier, visitor, admission, { streams, metrics, onError })
    subscribers.add(subscriber)
    metrics.opened()
    limits.takeLease(subscriber)
    if (!admission.waits) subscriber.enqueue(() => welcome(subscriber, rules.heartbeatSeconds))
    return subscriber
  }

  /** Nothing is heard from who only reads; that it reads shows when it does not. */
  function openEvents(carrier: Carrier, visitor: Visitor, admission: Admission): Subscriber {
    return Object.assign(letIn(carrier, visitor, admission), { lastHeard: Number.POSITIVE_INFINITY })
  }

  function gone(subscriber: Subscriber, code: number): void {
    const counted = subscriber.state === 'ending'
    subscriber.ended()
    subscribers.delete(subscriber)
    limits.leave(subscriber)
    deps.watch.leave(subscriber)
    if (!counted) metrics.closed(code)
    logClosed(deps.log, subscriber, code)
  }

  /** Of one that waited, what its path subscribes to now begins. */
  async function onUser(subscriber: Subscriber): Promise<void> {
    limits.takeLease(subscriber)
    if (!subscriber.waitsForToken) return
    subscriber.waitsForToken = false
    await welcome(subscriber, rules.heartbeatSeconds)
  }

  function answer(subscriber: Subscriber, text: string | null): void {
    const { asked } = subscriber
    // What was heard before the frame comes before its answer.
    streams.hub.settle()
    const rules = { ...frames, judge: asked.publishes ? judgeProducer : judge, defaultChannel: asked.target?.channel }
    subscriber.enqueue(() => answerFrame(subscriber, text, rules))
  }

  function lookAtBacklogs(): void {
    for (const subscriber of subscribers) {
      if (subscriber.socket.getBufferedAmount() > MOST_BACKLOG) overflow(subscriber)
    }
  }

  function overflow(subscriber: Subscriber): void {
    if (subscriber.state === 'open') metrics.overflowed()
    close(subscriber, CLOSE.tooSlow, 'too slow')
  }

  function judged(socket: WebSocket<Arrival>, visitor: Visitor): void {
    const verdict = limits.enter(visitor)
    if ('code' in verdict) {
      metrics.closed(verdict.code)
      socket.end(verdict.code, verdict.reason)
      return
    }
    bySocket.set(socket, letIn(socket, visitor, verdict))
  }

  function read(socket: WebSocket<Arrival>, bytes: ArrayBuffer, isBinary: boolean): void {
    const subscriber = bySocket.get(socket)
    if (subscriber?.state !== 'open') return
    subscriber.lastHeard = performance.now()
    const publishes = subscriber.asked.publishes && !subscriber.waitsForToken
    const { frame, tooLarge } = publishes ? PRODUCERS : READERS
    if (bytes.byteLength > frame) {
      metrics.limited('frame_size')
      close(subscriber, CLOSE.frameTooLarge, tooLarge)
      return
    }
    const text = isBinary ? null : Buffer.from(bytes).toString()
    if (publishes && producers.answer(subscriber, text) === 'answered') return
    if (subscriber.countMessage(rules.maxInboundPerSecond)) {
      metrics.limited('messages')
      close(subscriber, CLOSE.tooMany, retryAfter(1000))
    } else answer(subscriber, text)
  }

  const behaviour: WebSocketBehavior<Arrival> & { dropped: (socket: WebSocket<Arrival>) => void } = {
    compression: 0,
    maxPayloadLength: READERS.payload,
    maxBackpressure: MOST_BEFORE_DROPPING,
    // Our own sweep closes with a code; this ends only what the sweep could not.
    idleTimeout: 960,
    sendPingsAutomatically: false,
    upgrade: (...handshake) => admit(admission, ...handshake),
    open: (socket) => lobby.enter(socket),
    message(socket, bytes, isBinary) {
      if (!lobby.hold(socket, bytes, isBinary)) read(socket, bytes, isBinary)
    },
    pong(socket) {
      const subscriber = bySocket.get(socket)
      if (subscriber) subscriber.lastHeard = performance.now()
    },
    drain(socket) {
      if (socket.getBufferedAmount() === 0) bySocket.get(socket)?.drained()
    },
    dropped(socket) {
      metrics.dropped()
      const subscriber = bySocket.get(socket)
      // Not from within: the library is in the middle of its list of subscribers.
      if (subscriber) setImmediate(overflow, subscriber)
    },
    close(socket, code, why) {
      lobby.leave(socket)
      if (code === CLOSE.abnormal && Buffer.from(why).equals(OVER_PAYLOAD)) metrics.limited('frame_size')
      const subscriber = bySocket.get(socket)
      if (subscriber) gone(subscriber, code)
    },
  }
  app.ws(PUBLISH_PATH, { ...behaviour, maxPayloadLength: PRODUCERS.payload })
  for (const path of ['/ws', '/ws/*']) app.ws(path, behaviour)
  for (const path of ['/ws', '/ws/*']) {
    app.get(path, refusePlainRequest)
    app.head(path, refusePlainRequest)
  }

  attachEventStreams(app, { admission, limits, topics, open: openEvents, gone, onError })

  return {
    sockets: () => subscribers.size,
    eventStreams: () => [...subscribers].filter(({ socket }) => socket instanceof EventStream).length,
    streams: () => streams.hub.streams(),
    slow: () => countSlow(subscribers),
    async drain(ms) {
      limits.drain()
      await drainSockets([...subscribers], ms, { producers, close })
    },
    close() {
      sweep.stop()
      streams.close()
      return limits.stop()
    },
  }
}

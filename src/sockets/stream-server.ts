import type { TemplatedApp, WebSocket, WebSocketBehavior } from 'uWebSockets.js'
import { setTimeout } from 'node:timers/promises'
import type { Config } from '../config.ts'
import type { Authenticator } from '../identity/authenticator.ts'
import type { Backplane, Heard } from '../streams/backplane.ts'
import { createHub } from '../streams/hub.ts'
import { BackplaneAway } from '../streams/publisher.ts'
import type { Logger } from '../telemetry/log.ts'
import type { StreamMetrics } from '../telemetry/stream-metrics.ts'
import { type Admission, admit, type Visitor } from './admission.ts'
import { answerFrame } from './answer-frame.ts'
import { CLOSE, retryAfter } from './close-codes.ts'
import { Subscriber } from './subscriber.ts'
import { startSweep } from './sweep.ts'

export interface StreamServer {
  sockets(): number
  streams(): number
  /** Takes no new socket and closes those that are open with 4501, spread over `ms`, each told when to come back. */
  drain(ms: number): Promise<void>
  close(): void
}

export interface StreamDeps {
  backplane: Backplane
  authenticator: Pick<Authenticator, 'stream' | 'recheck'>
  rules: Config['streams']
  trustedProxies: number
  log: Logger
  metrics: StreamMetrics
  onError: (error: unknown) => void
}

const LARGEST_FRAME = 64 * 1024
/** uWebSockets.js closes over this without a code, so it only bounds memory. */
const LARGEST_PAYLOAD = 256 * 1024
/** What may wait for one socket beyond the kernel's buffers. A socket over it has missed messages and is closed. */
const MOST_BACKLOG = 1024 * 1024
/** Who was drained comes back after at least this and at most twice this. */
const COME_BACK_MS = 1_000

/** The streams under `/ws`, beside whatever else the uWebSockets.js app serves. */
export function attachStreams(app: TemplatedApp, deps: StreamDeps): StreamServer {
  const { rules, metrics, onError } = deps
  const hub = createHub(deps.backplane)
  const subscribers = new Set<Subscriber>()
  const bySocket = new WeakMap<WebSocket<Visitor>, Subscriber>()
  let draining = false

  deps.backplane.onHeard((heard) => spread(app, metrics, heard))
  const sweep = startSweep({ subscribers, rules, authenticator: deps.authenticator, close, onError })
  const admission = { ...rules, trustedProxies: deps.trustedProxies, authenticator: deps.authenticator, full, onError }

  function full() {
    if (!draining && subscribers.size < rules.maxSockets) return null
    return { status: '503 Service Unavailable', retryAfterSeconds: draining ? 1 : 10 } as const
  }

  function close(subscriber: Subscriber, code: number, reason: string): void {
    // One that ends slowly is counted now: whether its client ever reads the code is not known.
    if (subscriber.close(code, reason) && subscriber.state === 'ending') metrics.closed(code)
  }

  const behaviour: WebSocketBehavior<Visitor> & { dropped: (socket: WebSocket<Visitor>) => void } = {
    compression: 0,
    maxPayloadLength: LARGEST_PAYLOAD,
    maxBackpressure: MOST_BACKLOG,
    // Our own sweep closes with a code; this ends only what the sweep could not.
    idleTimeout: 960,
    sendPingsAutomatically: false,
    upgrade: (response, request, context) => void admit(admission, response, request, context).catch(onError),
    open(socket) {
      const visitor = socket.getUserData()
      if ('code' in visitor.verdict) {
        metrics.closed(visitor.verdict.code)
        socket.end(visitor.verdict.code, visitor.verdict.reason)
        return
      }
      const subscriber = new Subscriber(socket, { ...visitor, principal: visitor.verdict.principal }, hub)
      bySocket.set(socket, subscriber)
      subscribers.add(subscriber)
      metrics.opened()
      const { verdict } = visitor
      subscriber.enqueue(() => welcome(subscriber, verdict, rules.heartbeatSeconds), onError)
    },
    message(socket, bytes, isBinary) {
      const subscriber = bySocket.get(socket)
      if (subscriber?.state !== 'open') return
      subscriber.lastHeard = performance.now()
      if (bytes.byteLength > LARGEST_FRAME) close(subscriber, CLOSE.frameTooLarge, 'a frame has at most 64 KiB')
      else if (subscriber.countMessage(rules.maxInboundPerSecond)) {
        close(subscriber, CLOSE.tooManyMessages, retryAfter(1000))
      } else if (isBinary) subscriber.send({ type: 'error', code: 'bad_frame', message: 'Frames are text.' })
      else {
        const text = Buffer.from(bytes).toString()
        subscriber.enqueue(
          () => answerFrame(subscriber, text, { ...rules, defaultChannel: channelOf(socket) }),
          onError,
        )
      }
    },
    pong(socket) {
      const subscriber = bySocket.get(socket)
      if (subscriber) subscriber.lastHeard = performance.now()
    },
    drain(socket) {
      const subscriber = bySocket.get(socket)
      if (!subscriber || socket.getBufferedAmount() > 0) return
      subscriber.slowSince = 0
      if (subscriber.state === 'ending') socket.end(CLOSE.tooSlow, 'too slow')
    },
    dropped(socket) {
      const subscriber = bySocket.get(socket)
      if (subscriber?.state !== 'open') return
      metrics.dropped()
      // Not from within: the library is in the middle of its list of subscribers.
      setImmediate(() => close(subscriber, CLOSE.tooSlow, 'too slow'))
    },
    close(socket, code) {
      const subscriber = bySocket.get(socket)
      if (!subscriber) return
      const counted = subscriber.state === 'ending'
      subscriber.state = 'closed'
      subscriber.mute()
      subscribers.delete(subscriber)
      if (!counted) metrics.closed(code)
      logClosed(deps.log, subscriber, code)
    },
  }
  app.ws('/ws', behaviour)
  app.ws('/ws/*', behaviour)

  return {
    sockets: () => subscribers.size,
    streams: () => hub.streams(),
    async drain(ms) {
      draining = true
      const open = [...subscribers]
      const steps = Math.max(1, Math.min(open.length, Math.floor(ms / 50)))
      for (let step = 0; step < steps; step += 1) {
        if (step > 0) await setTimeout(ms / steps)
        for (let index = step; index < open.length; index += steps) {
          open[index]?.close(CLOSE.draining, retryAfter(COME_BACK_MS * (1 + Math.random())))
        }
      }
    },
    close: () => sweep.stop(),
  }
}

function channelOf(socket: WebSocket<Visitor>): string | undefined {
  const { verdict } = socket.getUserData()
  return 'asked' in verdict ? verdict.asked.target?.channel : undefined
}

/** The first frame of a socket, then what its path subscribes to. */
async function welcome(subscriber: Subscriber, { asked }: Admission, heartbeatSeconds: number): Promise<void> {
  const hello = {
    connection_id: subscriber.connectionId,
    timestamp: new Date().toISOString(),
    heartbeat_seconds: heartbeatSeconds,
  }
  if (asked.target === null) return subscriber.send({ type: 'connected', ...hello })
  try {
    await subscriber.prepare(asked.target)
  } catch (error) {
    if (!(error instanceof BackplaneAway)) throw error
    subscriber.close(CLOSE.ourFault, 'the streams are away; try again')
    return
  }
  if (subscriber.state !== 'open') return
  const { symbol, ...position } = subscriber.position(asked.target)
  subscriber.socket.cork(() => {
    subscriber.send({ type: 'connected', ...position, ...(symbol === null ? {} : { symbol }), ...hello })
    if (asked.target) subscriber.listen(asked.target, asked.snapshot)
  })
}

function spread(app: TemplatedApp, metrics: StreamMetrics, heard: Heard): void {
  if (heard.kind === 'frame') {
    metrics.published()
    app.publish(heard.stream, heard.frame)
    return
  }
  metrics.gap()
  const { stream, kind: type, ...numbers } = heard
  const [shared = '', user] = stream.split('@')
  const [channel, symbol = null] = shared.split('/')
  const scope = user === undefined ? {} : { scope: 'user' }
  app.publish(stream, JSON.stringify({ type, channel, symbol, ...numbers, ...scope }))
}

function logClosed(log: Logger, subscriber: Subscriber, code: number): void {
  log.info(
    {
      connection_id: subscriber.connectionId,
      user_id: subscriber.principal?.userId,
      code,
      duration_ms: Date.now() - subscriber.openedAt,
    },
    'subscriber.closed',
  )
}

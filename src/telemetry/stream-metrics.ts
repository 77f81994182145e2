import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export type SlowStage = 'waiting' | 'degraded' | 'ending'

/** What a socket may come up against. Several share a close code. */
export type SocketLimit =
  | 'user'
  | 'address'
  | 'total'
  | 'handshakes'
  | 'origin'
  | 'logins'
  | 'token_check'
  | 'first_token'
  | 'subscriptions'
  | 'subscription_changes'
  | 'messages'
  | 'frame_size'

const LAG_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5]

/** The numbers of the streaming half, one function a metric. */
export interface StreamMetrics {
  opened(): void
  closed(code: number): void
  published(): void
  /** How long a message took from its publication until it was heard here, in seconds. */
  heard(seconds: number): void
  /** And until it was given to the sockets. */
  spread(seconds: number): void
  overflowed(): void
  dropped(): void
  degraded(): void
  resynced(): void
  replayed(): void
  gap(): void
  turnedAway(why: 'draining' | 'full' | 'flood'): void
  limited(limit: SocketLimit): void
  loginFailed(): void
  publicationRefused(why: 'bad' | 'slow_down' | 'unavailable'): void
}

export function createStreamMetrics(
  registry: Registry,
  now: {
    behind: () => number
    sockets: () => number
    eventStreams: () => number
    streams: () => number
    slow: () => Record<SlowStage, number>
  },
): StreamMetrics {
  const registers = [registry]
  const counter = (name: string, help: string) => new Counter({ name, help, registers })
  const opened = new Counter({ name: 'ara_sockets_opened_total', help: 'Sockets that were accepted', registers })
  const closed = new Counter({
    name: 'ara_sockets_closed_total',
    help: 'Sockets by the code they were closed with; 1006 ended without one',
    labelNames: ['code'],
    registers,
  })
  const published = new Counter({
    name: 'ara_stream_messages_total',
    help: 'Messages published to the subscribers of this process',
    registers,
  })
  const overflowed = new Counter({
    name: 'ara_sockets_overflowed_total',
    help: 'Sockets that were closed because too much was waiting for them',
    registers,
  })
  const heard = new Histogram({
    name: 'ara_backplane_lag_seconds',
    help: 'From the publication of a message until this process heard it from the backplane; sampled',
    buckets: LAG_BUCKETS,
    registers,
  })
  const lag = new Histogram({
    name: 'ara_stream_lag_seconds',
    help: 'From the publication of a message until it was given to the sockets of this process; sampled',
    buckets: LAG_BUCKETS,
    registers,
  })
  const dropped = counter('ara_socket_messages_dropped_total', 'Messages dropped for a socket, which is then closed')
  const degraded = counter('ara_sockets_degraded_total', 'Times that a slow socket was given prices less often')
  const resynced = counter('ara_sockets_resynced_total', 'Times that a slow socket had caught up and got snapshots')
  const replays = counter('ara_stream_replays_total', 'Streams that a socket went on with from a number')
  slowGauge(now.slow, registers)
  const gaps = new Counter({
    name: 'ara_stream_gaps_total',
    help: 'Holes that the history could not fill, for a stream here or for one who resumed',
    registers,
  })
  const turnedAway = new Counter({
    name: 'ara_sockets_turned_away_total',
    help: 'Handshakes refused with 503 (draining, full) or 429 (flood)',
    labelNames: ['why'],
    registers,
  })
  const limited = new Counter({
    name: 'ara_sockets_limited_total',
    help: 'Sockets and Server-Sent Events that came up against a limit',
    labelNames: ['limit'],
    registers,
  })
  const failed = new Counter({ name: 'ara_socket_logins_failed_total', help: 'Bad tokens of sockets', registers })
  const refused = new Counter({
    name: 'ara_publications_refused_total',
    help: 'Frames and requests of producers of which nothing was taken; bad requests count as HTTP only',
    labelNames: ['why'],
    registers,
  })
  gauge('ara_publish_behind', 'Messages of producers that wait for the backplane', now.behind, registers)
  gauge('ara_sockets', 'Open sockets', now.sockets, registers)
  gauge('ara_event_streams', 'Server-Sent Events among the open sockets', now.eventStreams, registers)
  gauge('ara_streams', 'Streams with a subscriber here', now.streams, registers)
  return {
    opened: () => opened.inc(),
    closed: (code) => closed.inc({ code }),
    published: () => published.inc(),
    heard: (seconds) => heard.observe(seconds),
    spread: (seconds) => lag.observe(seconds),
    overflowed: () => overflowed.inc(),
    dropped: () => dropped.inc(),
    degraded: () => degraded.inc(),
    resynced: () => resynced.inc(),
    replayed: () => replays.inc(),
    gap: () => gaps.inc(),
    turnedAway: (why) => turnedAway.inc({ why }),
    limited: (limit) => limited.inc({ limit }),
    loginFailed: () => failed.inc(),
    publicationRefused: (why) => refused.inc({ why }),
  }
}

function slowGauge(slow: () => Record<SlowStage, number>, registers: Registry[]): void {
  new Gauge({
    name: 'ara_sockets_slow',
    help: 'Sockets that have not read all that was sent: waiting, degraded, or ending after a code',
    labelNames: ['stage'],
    registers,
    collect() {
      for (const [stage, count] of Object.entries(slow())) this.set({ stage }, count)
    },
  })
}

function gauge(name: string, help: string, value: () => number, registers: Registry[]): Gauge {
  return new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(value())
    },
  })
}

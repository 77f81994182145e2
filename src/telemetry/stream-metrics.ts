import { Counter, Gauge, type Registry } from 'prom-client'

/** The numbers of the streaming half, one function a metric. */
export interface StreamMetrics {
  opened(): void
  closed(code: number): void
  published(): void
  overflowed(): void
  gap(): void
  turnedAway(why: 'draining' | 'full' | 'flood'): void
  loginFailed(): void
}

export function createStreamMetrics(
  registry: Registry,
  now: { sockets: () => number; streams: () => number },
): StreamMetrics {
  const registers = [registry]
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
  const gaps = new Counter({ name: 'ara_stream_gaps_total', help: 'Holes that the history could not fill', registers })
  const turnedAway = new Counter({
    name: 'ara_sockets_turned_away_total',
    help: 'Handshakes refused with 503 (draining, full) or 429 (flood)',
    labelNames: ['why'],
    registers,
  })
  const failed = new Counter({ name: 'ara_socket_logins_failed_total', help: 'Bad tokens of sockets', registers })
  gauge('ara_sockets', 'Open sockets', now.sockets, registers)
  gauge('ara_streams', 'Streams with a subscriber here', now.streams, registers)
  return {
    opened: () => opened.inc(),
    closed: (code) => closed.inc({ code }),
    published: () => published.inc(),
    overflowed: () => overflowed.inc(),
    gap: () => gaps.inc(),
    turnedAway: (why) => turnedAway.inc({ why }),
    loginFailed: () => failed.inc(),
  }
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

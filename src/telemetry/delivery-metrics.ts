import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** The numbers of the delivering half, one function a metric. */
export interface DeliveryMetrics {
  accepted(events: number, deliveries: number): void
  attempted(status: string, error: string | null, durationMs: number): void
  /** How long a delivery waited from its acceptance to its first attempt. */
  begun(seconds: number): void
  fed(jobs: number): void
  refed(jobs: number): void
  waiting(lane: string, jobs: number): void
  breakers(state: string, webhooks: number): void
  slowWebhooks(count: number): void
  slowAttempts(count: number): void
  claimed(batch: number): void
  recorded(batch: number): void
  oldestDue(seconds: number): void
  openDeliveries(count: number): void
  webhookDisabled(why: 'gone' | 'failing'): void
  sealedWithOlderKeys(webhooks: number): void
}

export function createDeliveryMetrics(registry: Registry): DeliveryMetrics {
  const registers = [registry]
  const events = new Counter({ name: 'ara_events_accepted_total', help: 'Events stored', registers })
  const deliveries = new Counter({
    name: 'ara_deliveries_opened_total',
    help: 'Deliveries owed by stored events',
    registers,
  })
  const attempts = new Counter({
    name: 'ara_attempts_total',
    help: 'Attempts by outcome',
    labelNames: ['status', 'error'],
    registers,
  })
  const duration = new Histogram({
    name: 'ara_attempt_duration_seconds',
    help: 'From the first byte sent to the end of the answer',
    labelNames: ['status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30],
    registers,
  })
  const fed = new Counter({ name: 'ara_jobs_fed_total', help: 'Attempts put into the queue', registers })
  const begun = new Histogram({
    name: 'ara_first_attempt_delay_seconds',
    help: 'From the acceptance of an event to the first attempt of its delivery',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300],
    registers,
  })
  const refed = new Counter({
    name: 'ara_jobs_refed_total',
    help: 'Attempts put into the queue again, since nobody had claimed them in time',
    registers,
  })
  const waiting = new Gauge({
    name: 'ara_queue_waiting',
    help: 'Jobs that wait in the queue, by lane',
    labelNames: ['lane'],
    registers,
  })
  const breakers = new Gauge({
    name: 'ara_breakers',
    help: 'Webhooks with something wrong, by the state of their breaker',
    labelNames: ['state'],
    registers,
  })
  const slowWebhooks = new Gauge({ name: 'ara_slow_webhooks', help: 'Webhooks in the slow lane', registers })
  const slowAttempts = new Gauge({
    name: 'ara_slow_attempts',
    help: 'Attempts under way that gave their place to another',
    registers,
  })
  const batch = new Histogram({
    name: 'ara_batch_size',
    help: 'Attempts that shared a statement',
    labelNames: ['step'],
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 300],
    registers,
  })
  const oldest = new Gauge({
    name: 'ara_oldest_due_seconds',
    help: 'How long the oldest due delivery has been due',
    registers,
  })
  const open = new Gauge({
    name: 'ara_open_deliveries',
    help: 'Deliveries that are not over (estimated above 10,000)',
    registers,
  })
  const disabled = new Counter({
    name: 'ara_webhooks_disabled_total',
    help: 'Webhooks that were turned off for failing too long, or since their receiver is gone',
    labelNames: ['why'],
    registers,
  })
  const olderKeys = new Gauge({
    name: 'ara_webhooks_under_older_keys',
    help: 'Webhooks that are not yet sealed with the first key of SECRETS_KEY',
    registers,
  })
  return {
    accepted(count, opened) {
      events.inc(count)
      deliveries.inc(opened)
    },
    attempted(status, error, durationMs) {
      attempts.inc({ status, error: error ?? '' })
      duration.observe({ status }, durationMs / 1000)
    },
    begun: (seconds) => begun.observe(seconds),
    fed: (jobs) => fed.inc(jobs),
    refed: (jobs) => refed.inc(jobs),
    waiting: (lane, jobs) => waiting.set({ lane }, jobs),
    breakers: (state, webhooks) => breakers.set({ state }, webhooks),
    slowWebhooks: (count) => slowWebhooks.set(count),
    slowAttempts: (count) => slowAttempts.set(count),
    claimed: (size) => batch.observe({ step: 'claim' }, size),
    recorded: (size) => batch.observe({ step: 'record' }, size),
    oldestDue: (seconds) => oldest.set(seconds),
    openDeliveries: (count) => open.set(count),
    webhookDisabled: (why) => disabled.inc({ why }),
    sealedWithOlderKeys: (webhooks) => olderKeys.set(webhooks),
  }
}

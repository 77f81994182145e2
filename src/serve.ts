import type { Registry } from 'prom-client'
import { recordChange } from './audit/record-change.ts'
import type { Closers } from './closers.ts'
import { daysAhead } from './db/partitions.ts'
import { createAddressGuard } from './deliveries/address-guard.ts'
import { LANES, type Lane } from './deliveries/lane.ts'
import type { Wake } from './deliveries/wake.ts'
import { createAcceptance } from './events/accept-events.ts'
import { createAnnouncer } from './events/announce.ts'
import { createApp } from './http/app.ts'
import { createBoard } from './http/board.ts'
import { createConsole } from './http/console.ts'
import { limitRequests } from './http/middleware/rate-limit.ts'
import type { Route } from './http/route.ts'
import { auditRoutes } from './http/routes/audit.ts'
import { authRoutes } from './http/routes/auth.ts'
import { deliveryRoutes } from './http/routes/deliveries.ts'
import { documentRoutes } from './http/routes/documents.ts'
import { eventRoutes } from './http/routes/events.ts'
import { type Check, healthRoutes } from './http/routes/health.ts'
import { overviewRoutes } from './http/routes/overview.ts'
import { publishRoutes } from './http/routes/publish.ts'
import { recoveryRoutes } from './http/routes/recoveries.ts'
import { signInRoutes } from './http/routes/sign-in.ts'
import { webhookRoutes } from './http/routes/webhooks.ts'
import { createAuthenticator } from './identity/authenticator.ts'
import { createBlockedUsers } from './identity/blocked-users.ts'
import { createLoginLimit } from './identity/login-limit.ts'
import type { SignInLinks } from './identity/sign-in-links.ts'
import { type Listener, listen } from './listener.ts'
import { openDeliveryQueue } from './queues/delivery-queue.ts'
import { pingRedis } from './redis/reachable.ts'
import type { Resources } from './resources.ts'
import { createDeliveryWatch } from './sockets/delivery-watch.ts'
import { attachStreams, type StreamServer } from './sockets/stream-server.ts'
import { createIntake } from './streams/intake.ts'
import type { DeliveryMetrics } from './telemetry/delivery-metrics.ts'
import { rateLimitedErrors } from './telemetry/log.ts'
import { createHttpMetrics } from './telemetry/metrics.ts'
import { createStreamMetrics } from './telemetry/stream-metrics.ts'
import { checkUrl } from './webhooks/url-rules.ts'

/** Everything a web process does: answers REST and streams on the one port. */
export async function serve(
  resources: Resources,
  deps: {
    registry: Registry
    metrics: DeliveryMetrics
    wake: Wake
    exclusive: boolean
    closers: Closers
    /** Of the embedded mode. */
    links?: SignInLinks | undefined
  },
): Promise<Listener> {
  const { config, log, webDatabase: db, backplane } = resources
  const { closers } = deps
  const errors = (what: string) => rateLimitedErrors(log, what)
  const blocked = createBlockedUsers({ db })
  const authenticator = createAuthenticator({
    db,
    blocked,
    jwt: { ...config.identity, secret: config.secrets.jwtSecret },
    onError: errors('identity.error'),
  })
  const queues = await Promise.all(
    LANES.map(async (lane) => {
      const queue = await openDeliveryQueue({ store: resources.queueStore, lane, onError: errors('queue.error') })
      closers.add(`queue of the board, ${lane} lane`, () => queue.close())
      return queue
    }),
  )

  const waitingIn = async (lane: Lane) => (await queues[LANES.indexOf(lane)]?.waiting()) ?? 0
  let accepting = true
  const logins = createLoginLimit(config.identity.failedLoginsPerMinute)
  const intake = createIntake(backplane, config.streams.publishBacklog)
  const announcer = createAnnouncer({ db, publisher: backplane, onError: errors('announcer.error') })
  let streams: StreamServer | undefined
  const metrics = createStreamMetrics(deps.registry, {
    behind: intake.behind,
    sockets: () => streams?.sockets() ?? 0,
    eventStreams: () => streams?.eventStreams() ?? 0,
    streams: () => streams?.streams() ?? 0,
    slow: () => streams?.slow() ?? { waiting: 0, degraded: 0, ending: 0 },
  })
  const routes: Route[] = [
    ...eventRoutes({
      db,
      accept: createAcceptance({ db }),
      announcer,
      wake: deps.wake,
      batchBodyLimit: config.server.batchBodyLimit,
      onAccepted: deps.metrics.accepted,
      tracing: resources.tracing,
    }),
    ...publishRoutes({ intake, bodyLimit: config.server.batchBodyLimit, metrics }),
    ...webhookRoutes({
      db,
      secrets: resources.secrets,
      checkUrl: urlCheck(config.deliveries.allowCidrs),
      limits: config.limits,
      maxAttempts: config.deliveries.maxAttempts,
    }),
    ...deliveryRoutes({ db, wake: deps.wake }),
    ...recoveryRoutes({ db, retentionDays: config.database.retentionDays, now: () => new Date() }),
    ...authRoutes({ db, blocked }),
    ...auditRoutes({ db }),
    ...signInRoutes({ links: deps.links, logins }),
    ...overviewRoutes({ db, registry: deps.registry, waiting: waitingIn }),
    ...documentRoutes({ version: config.version, routes: () => routes }),
    ...healthRoutes({
      checks: checksOf(resources),
      accepting: () => accepting,
      registry: deps.registry,
      metricsToken: config.secrets.metricsToken,
    }),
  ]
  const app = createApp({
    authenticator,
    logins,
    limitRequests: limitRequests({ perMinute: config.limits.requestsPerMinute, redis: resources.redis }),
    routes,
    pages: [
      createConsole(),
      createBoard({
        authenticator,
        logins,
        queues: () => queues.map((queue) => queue.current()),
        readOnly: config.board.readOnly,
        record: (author, request) =>
          recordChange(db, author, { action: 'queue.changed', target: request, ownerId: author.userId }),
      }),
    ],
    bodyLimit: config.server.bodyLimit,
    trustedProxies: config.server.trustedProxies,
    log,
    metrics: createHttpMetrics(deps.registry),
    tracing: resources.tracing,
  })

  closers.add('streams', () => streams?.close())
  const watch = createDeliveryWatch({ db, attempts: resources.watchedAttempts, onError: errors('watch.error') })
  closers.add('watch', () => watch.stop())
  const listener = await listen({
    handle: app.callback(),
    attach: (native) => {
      streams = attachStreams(native, {
        backplane,
        intake,
        authenticator,
        logins,
        rules: config.streams,
        socketsPerUser: config.limits.sockets,
        redis: resources.redis,
        trustedProxies: config.server.trustedProxies,
        log,
        metrics,
        watch,
        onError: errors('streams.error'),
      })
    },
    ...config.server,
    exclusive: deps.exclusive,
    onError: errors('bridge.error'),
  })
  closers.add('listener', async () => {
    accepting = false
    const { shutdownSeconds } = config.server
    const drainMs = Math.min(config.streams.drainSeconds, shutdownSeconds) * 1000
    listener.stopListening()
    await Promise.all([streams?.drain(drainMs), listener.drain(shutdownSeconds * 1000)])
    listener.close()
  })
  return listener
}

/** Time enough for an operator to see that upkeep does not make partitions any more. */
const LEAST_DAYS_AHEAD = 2

function urlCheck(allowCidrs: readonly string[]) {
  const guard = createAddressGuard(allowCidrs)
  return (url: string) => checkUrl(url, guard)
}

function checksOf({ webDatabase, backplane, redis }: Resources): Record<string, Check> {
  return {
    database: () => webDatabase.query({ text: 'SELECT 1' }),
    partitions: async () => {
      const days = await daysAhead(webDatabase, new Date())
      if (days < LEAST_DAYS_AHEAD)
        throw Object.assign(new Error('Partitions are missing'), { code: `${days} days ahead` })
    },
    backplane: () => backplane.check(),
    ...(redis ? { queue: () => pingRedis(redis) } : {}),
  }
}

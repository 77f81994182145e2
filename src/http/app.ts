import Router from '@koa/router'
import Koa, { type Middleware } from 'koa'
import { clientAddress } from '../client-address.ts'
import type { Authenticator } from '../identity/authenticator.ts'
import type { LoginLimit } from '../identity/login-limit.ts'
import type { Logger } from '../telemetry/log.ts'
import type { HttpMetrics } from '../telemetry/metrics.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { authenticate } from './middleware/authenticate.ts'
import { logRequests } from './middleware/log-requests.ts'
import { renderErrors } from './middleware/render-errors.ts'
import { requestId } from './middleware/request-id.ts'
import { traceRequests } from './middleware/trace-requests.ts'
import { exactRoutes, mountRoutes } from './mount-routes.ts'
import type { Route } from './route.ts'

export interface AppDeps {
  authenticator: Authenticator
  routes: readonly Route[]
  logins: LoginLimit
  limitRequests: Middleware
  /** Pages beside the API (the queue board), each answering under its own prefix. */
  pages: readonly Middleware[]
  bodyLimit: number
  trustedProxies: number
  log: Logger
  metrics: HttpMetrics
  tracing?: Tracing | undefined
}

/** The REST half: one Koa application, whatever server carries it. */
export function createApp(deps: AppDeps): Koa {
  const app = new Koa()
  const router = new Router({ exclusive: false })
  const gate = {
    authenticate: authenticate(deps.authenticator, deps.logins),
    limitRequests: deps.limitRequests,
    bodyLimit: deps.bodyLimit,
  }
  mountRoutes(router, deps.routes, gate)
  // Everything that can fail is rendered by our own middleware; what Koa reports is a client that went away.
  app.silent = true
  app.on('error', (error: Error) => deps.log.debug({ err: error }, 'response.error'))
  app.use(requestId())
  app.use(findAddress(deps.trustedProxies))
  app.use(logRequests(deps.log, deps.metrics))
  if (deps.tracing) app.use(traceRequests(deps.tracing))
  app.use(securityHeaders())
  app.use(renderErrors(deps.log))
  for (const page of deps.pages) app.use(page)
  app.use(exactRoutes(deps.routes, gate))
  app.use(router.routes())
  app.use(router.allowedMethods())
  return app
}

function findAddress(trustedProxies: number): Middleware {
  return function findAddress(ctx, next) {
    const peer = ctx.req.socket.remoteAddress ?? ''
    ctx.request.ip = clientAddress(peer, ctx.get('X-Forwarded-For'), trustedProxies)
    return next()
  }
}

function securityHeaders(): Middleware {
  return function securityHeaders(ctx, next) {
    ctx.set({ 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer', 'Cache-Control': 'no-store' })
    return next()
  }
}

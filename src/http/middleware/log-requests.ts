import type { Context, Middleware, Next } from 'koa'
import type { Logger } from '../../telemetry/log.ts'
import type { HttpMetrics } from '../../telemetry/metrics.ts'

/** One wide line and one observation for each request. The query is left out: it may hold a ticket. */
export function logRequests(log: Logger, metrics: HttpMetrics): Middleware {
  return async function logRequests(ctx: Context, next: Next) {
    const startedAt = performance.now()
    try {
      await next()
    } finally {
      const durationMs = performance.now() - startedAt
      const route = ctx.state['route'] ?? 'unknown'
      metrics.requestFinished(ctx.method, route, ctx.status, durationMs / 1000)
      log.info(
        {
          request_id: ctx.state['requestId'],
          method: ctx.method,
          path: ctx.path,
          route,
          status: ctx.status,
          duration_ms: Math.round(durationMs * 10) / 10,
          user_id: ctx.state['principal']?.userId,
          address: ctx.ip,
          trace_id: ctx.state['span']?.traceId,
        },
        'request.finished',
      )
    }
  }
}

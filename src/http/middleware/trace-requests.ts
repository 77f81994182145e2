import type { Context, Middleware, Next } from 'koa'
import type { Span, Tracing } from '../../telemetry/tracing.ts'

/** A span for each request to the API, within the caller's trace when it sends one. */
export function traceRequests(tracing: Tracing): Middleware {
  return async function traceRequests(ctx: Context, next: Next) {
    if (!ctx.path.startsWith('/api/')) return next()
    const attributes = { 'http.request.method': ctx.method, 'ara.request_id': ctx.state['requestId'] }
    const span = tracing.begin(ctx.method, { kind: 'server', parent: ctx.get('traceparent'), attributes })
    ctx.state['span'] = span
    try {
      return await next()
    } finally {
      end(span, ctx)
    }
  }
}

function end(span: Span, { method, state, status }: Context): void {
  const route: string = state['route'] ?? 'unknown'
  span.end({
    name: `${method} ${route}`,
    attributes: { 'http.route': route, 'http.response.status_code': status },
    failure: status >= 500 ? String(status) : undefined,
  })
}

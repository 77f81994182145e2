import type Router from '@koa/router'
import type { Context, Middleware, Next } from 'koa'
import { z } from 'zod'
import { complaintsOf, PLAIN } from '../complaints.ts'
import { type Complaint, invalid } from '../errors.ts'
import { parseStrictJson } from '../json/strict-json.ts'
import { allow } from './middleware/allow.ts'
import { readBody } from './middleware/read-body.ts'
import type { Route } from './route.ts'

/** What stands before a route's handler for everybody who must say who they are. */
export interface Gate {
  authenticate: Middleware
  limitRequests: Middleware
  bodyLimit: number
}

export function mountRoutes(router: Router, routes: readonly Route[], gate: Gate): void {
  for (const route of routes) router[route.method](route.path, ...middlewareOf(route, gate))
}

/**
 * Answers the routes without parameters, which one look-up finds. The router, which tries one pattern after the other, has
 * the rest: other spellings of their paths, other methods, and parameters.
 */
export function exactRoutes(routes: readonly Route[], gate: Gate): Middleware {
  const exact = routes.filter((route) => !route.path.includes(':'))
  const steps = new Map(
    exact.map((route) => [`${route.method.toUpperCase()} ${route.path}`, middlewareOf(route, gate)]),
  )
  return function exactRoute(ctx: Context, next: Next) {
    const found = steps.get(`${ctx.method} ${ctx.path}`)
    return found ? take(found, ctx, next) : next()
  }
}

function take(steps: readonly Middleware[], ctx: Context, next: Next, place = 0): Promise<unknown> {
  const step = steps[place]
  return step ? step(ctx, () => take(steps, ctx, next, place + 1)) : next()
}

function middlewareOf(route: Route, gate: Gate): Middleware[] {
  return [
    nameRoute(route.path),
    ...(route.permission === 'public' ? [] : [gate.authenticate, gate.limitRequests]),
    ...(route.permission === 'public' || route.permission === 'authenticated' ? [] : [allow(route.permission)]),
    ...(route.body || route.rawBody ? [readBody(bodyRules(route, gate))] : []),
    handle(route),
  ]
}

function bodyRules(route: Route, gate: Gate) {
  const types = route.rawBody
    ? ['application/json', 'application/x-ndjson', 'application/ndjson']
    : ['application/json']
  return { limit: route.bodyLimit ?? gate.bodyLimit, types, optional: route.bodyOptional ?? false }
}

/** The template, not the path, so that metrics stay few. */
function nameRoute(path: string): Middleware {
  return function nameRoute(ctx: Context, next: Next) {
    ctx.state['route'] = path
    return next()
  }
}

function handle(route: Route): Middleware {
  return async function handle(ctx: Context) {
    const complaints: Complaint[] = []
    const params = check(route.params, ctx['params'], 'path', complaints)
    const query = route.query || ctx.querystring !== '' ? checkQuery(route, ctx, complaints) : undefined
    const body = route.body ? checkBody(route, parseBody(ctx), complaints) : undefined
    if (complaints.length > 0) throw invalid(complaints)
    ctx.status = route.status ?? 200
    const answer = await route.handle({ principal: ctx.state['principal'], params, query, body, ctx })
    if (answer === undefined) ctx.status = 204
    else ctx.body = answer
  }
}

const NO_QUERY = z.strictObject({})

/** A token is ignored where it is no credential. Who probes or fetches a public route may add what keeps caches away. */
function checkQuery(route: Route, ctx: Context, complaints: Complaint[]): unknown {
  const { token: _, ...query } = ctx.query
  return check(route.query ?? (route.permission === 'public' ? undefined : NO_QUERY), query, 'query', complaints)
}

function parseBody(ctx: Context): unknown {
  const bytes: Buffer = ctx.state['rawBody']
  return bytes.length === 0 ? {} : parseStrictJson(bytes.toString('utf8'))
}

function checkBody({ body, isPlain }: Route, given: unknown, complaints: Complaint[]): unknown {
  return isPlain?.(given) ? given : check(body, given, '', complaints)
}

function check(schema: z.ZodType | undefined, given: unknown, place: string, complaints: Complaint[]): unknown {
  if (!schema) return undefined
  const parsed = schema.safeParse(given, PLAIN)
  if (parsed.success) return parsed.data
  const unknown = place === 'query' ? 'parameter' : 'field'
  complaints.push(...complaintsOf(parsed.error, place === '' ? [] : [place], unknown))
  return undefined
}

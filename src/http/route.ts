import type { Context } from 'koa'
import type { z } from 'zod'
import type { Permission, Principal } from '../identity/principal.ts'

/**
 * One route, said once: this definition authorizes, validates, types and (by the schemas) documents it.
 * `Body`, `Query` and `Params` are what the handler receives after validation.
 */
export interface Route<Body = unknown, Query = unknown, Params = unknown> {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** Full path with `:name` parameters, e.g. `/api/v1/webhooks/:id`. */
  path: string
  summary: string
  /** What the caller must be allowed; `authenticated` is any valid credential. */
  permission: Permission | 'authenticated' | 'public'
  body?: z.ZodType<Body>
  /** A quick look at what `body` would let through as it is; what it does not know goes to `body`. */
  isPlain?: (given: unknown) => boolean
  /** Accept a request without a body as `{}`. */
  bodyOptional?: boolean
  /** The handler reads the text itself (`ctx.state.rawBody`), e.g. NDJSON; `body` is not parsed. */
  rawBody?: boolean
  bodyLimit?: number
  /** Absent: none is taken, but for public routes, which take any. */
  query?: z.ZodType<Query>
  params?: z.ZodType<Params>
  /** Status of an answer with a body; an answer of `undefined` is 204. Default 200. */
  status?: number
  handle: (input: Input<Body, Query, Params>) => Promise<unknown>
}

export interface Input<Body, Query, Params> {
  principal: Principal
  body: Body
  query: Query
  params: Params
  /** For the rare handler that sets a header or another status. */
  ctx: Context
}

/** Ties the schemas' types to the handler's input. */
export function route<Body, Query, Params>(definition: Route<Body, Query, Params>): Route {
  return definition as unknown as Route
}

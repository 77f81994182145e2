import type { Closers } from '../closers.ts'
import type { Logger } from './log.ts'

/**
 * Traces from the request that brought an event to the attempts of its deliveries. What is passed from one to the next, over
 * processes and days, is the text of the header `traceparent` (https://www.w3.org/TR/trace-context/).
 */
export interface Tracing {
  /** @param parent a `traceparent`; without one, or with one that is malformed, a new trace begins */
  begin(name: string, span: { kind: SpanKind; parent?: string | null | undefined; attributes?: Attributes }): Span
  /** Sends what is left, as far as the collector takes it in time. */
  close(): Promise<void>
}

export interface Span {
  readonly traceId: string
  /** For what comes of it. */
  readonly traceparent: string
  /** @param outcome a better name, if there is one by now, what came of it, and why it failed, if it did */
  end(outcome?: { name?: string; attributes?: Attributes; failure?: string | undefined }): void
}

export type SpanKind = 'server' | 'producer' | 'client'
export type Attributes = Record<string, string | number | boolean>

/** The SDK is loaded only when there is somebody to send to: nobody else pays for it. */
export async function openTracing(deps: {
  config: { tracing: { endpoint: string | undefined }; version: string }
  part: string
  log: Pick<Logger, 'warn'>
  closers: Closers
}): Promise<Tracing | undefined> {
  const { endpoint } = deps.config.tracing
  if (endpoint === undefined) return undefined
  const { startTracing } = await import('./open-telemetry.ts')
  const tracing = startTracing({ endpoint, part: deps.part, version: deps.config.version, log: deps.log })
  deps.closers.add('tracing', () => tracing.close())
  return tracing
}

import { setTimeout } from 'node:timers/promises'
import {
  type Context,
  DiagLogLevel,
  diag,
  type Span as OpenSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { type Logger, rateLimitedErrors } from './log.ts'
import type { Span, Tracing } from './tracing.ts'

/*
 * The OpenTelemetry SDK behind `Tracing`; nothing else imports it. Spans are begun and ended by hand: nothing is patched. They
 * leave in batches beside the work, at most 2,048 wait (more are dropped), and a collector that is away costs a log line.
 */

const KINDS = { server: SpanKind.SERVER, producer: SpanKind.PRODUCER, client: SpanKind.CLIENT }
/** A request to the collector that takes longer is given up; short, since a process that ends may wait for one. */
const EXPORT_MS = 3_000
const FLUSH_MS = 3_000

export function startTracing(deps: {
  endpoint: string
  part: string
  version: string
  log: Pick<Logger, 'warn'>
}): Tracing {
  tellTroubles(deps.log)
  const provider = new BasicTracerProvider({
    resource: resourceOf(deps),
    spanProcessors: [
      new BatchSpanProcessor(
        new OTLPTraceExporter({
          url: `${deps.endpoint.replace(/\/+$/, '')}/v1/traces`,
          ...('OTEL_EXPORTER_OTLP_TIMEOUT' in process.env ? {} : { timeoutMillis: EXPORT_MS }),
        }),
      ),
    ],
  })
  const tracer = provider.getTracer('ara-events', deps.version)
  return {
    begin(name, { kind, parent, attributes = {} }) {
      const span = tracer.startSpan(name, { kind: KINDS[kind], attributes }, contextOf(parent))
      return { traceId: span.spanContext().traceId, traceparent: traceparentOf(span), end: ending(span) }
    },
    async close() {
      const patience = new AbortController()
      const late = setTimeout(FLUSH_MS, undefined, { signal: patience.signal }).catch(() => undefined)
      await Promise.race([provider.shutdown(), late])
      patience.abort()
    },
  }
}

/** What the standard variables say (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) wins. */
function resourceOf({ part, version }: { part: string; version: string }) {
  const own = {
    'service.name': 'ara-events',
    'service.version': version,
    'service.instance.id': `${part}-${process.pid}`,
    'ara.part': part,
  }
  return defaultResource()
    .merge(resourceFromAttributes(own))
    .merge(detectResources({ detectors: [envDetector] }))
}

function ending(span: OpenSpan): Span['end'] {
  return ({ name, attributes, failure } = {}) => {
    if (name !== undefined) span.updateName(name)
    if (attributes) span.setAttributes(attributes)
    if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure })
    span.end()
  }
}

const propagator = new W3CTraceContextPropagator()
const getter: TextMapGetter<string> = {
  keys: () => ['traceparent'],
  get: (traceparent, key) => (key === 'traceparent' ? traceparent : undefined),
}
const setter: TextMapSetter<{ traceparent: string }> = {
  set(carrier, key, value) {
    if (key === 'traceparent') carrier.traceparent = value
  },
}

function contextOf(parent: string | null | undefined): Context {
  return parent ? propagator.extract(ROOT_CONTEXT, parent, getter) : ROOT_CONTEXT
}

function traceparentOf(span: OpenSpan): string {
  const carrier = { traceparent: '' }
  propagator.inject(trace.setSpan(ROOT_CONTEXT, span), carrier, setter)
  return carrier.traceparent
}

function tellTroubles(log: Pick<Logger, 'warn'>): void {
  const tell = rateLimitedErrors(log, 'tracing.error')
  const report = (message: string) => tell(new Error(describe(message)))
  const ignore = () => undefined
  diag.setLogger(
    { error: report, warn: report, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
}

/** The SDK writes errors as JSON with their stack; the first line of what happened is enough. */
function describe(message: string): string {
  try {
    const { name = 'Error', message: said = '', code = '' } = JSON.parse(message)
    return [name, said, code].filter((part) => part !== '').join(' ')
  } catch {
    return message
  }
}

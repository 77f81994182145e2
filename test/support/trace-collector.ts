import { startTestReceiver } from './receiver.ts'

/** What a collector of OTLP/HTTP got, as far as tests look at it. */
export interface CollectedSpan {
  name: string
  kind: number
  traceId: string
  spanId: string
  parentSpanId: string
  failed: boolean
  attributes: Record<string, unknown>
  resource: Record<string, unknown>
}

export interface TraceCollector {
  url: string
  spans(): CollectedSpan[]
  /** All of it, as it came. */
  text(): string
  close(): Promise<void>
}

export async function startTraceCollector(): Promise<TraceCollector> {
  const receiver = await startTestReceiver({
    respond: () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: '{}' }),
  })
  return {
    url: receiver.url,
    spans: () => receiver.received.filter(({ path }) => path === '/v1/traces').flatMap(({ body }) => read(body)),
    text: () => receiver.received.map(({ body }) => body).join('\n'),
    close: () => receiver.close(),
  }
}

type Values = { key: string; value: Record<string, unknown> }[]
interface Sent {
  resourceSpans: {
    resource: { attributes: Values }
    scopeSpans: {
      spans: {
        name: string
        kind: number
        traceId: string
        spanId: string
        parentSpanId?: string
        status: { code?: number }
        attributes: Values
      }[]
    }[]
  }[]
}

function read(body: string): CollectedSpan[] {
  const { resourceSpans }: Sent = JSON.parse(body)
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ status, parentSpanId = '', ...span }) => ({
        ...span,
        parentSpanId,
        failed: status.code === 2,
        attributes: values(span.attributes),
        resource: values(resource.attributes),
      })),
    ),
  )
}

function values(attributes: Values): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}

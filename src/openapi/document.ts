import { z } from 'zod'
import { EVENT_TYPES } from '../events/catalogue.ts'
import { EventInput } from '../events/prepare-event.ts'
import { BOARD_COOKIE } from '../http/board-login.ts'
import type { Route } from '../http/route.ts'
import { ANSWER_EXAMPLES } from './answer-examples.ts'
import { errorAnswers } from './error-answers.ts'
import { ERRORS, type ErrorCode } from './errors.ts'
import { eventStreamPaths } from './event-streams.ts'
import { ID } from './example-things.ts'
import { HEADERS, type HeaderName, headerReferences } from './headers.ts'
import { OPERATIONS, type Operation } from './operations.ts'
import { pagePaths } from './pages.ts'
import { describeReceived } from './received.ts'
import { camelCase, type Json, schemaOf, withoutIds } from './schema-of.ts'
import { pointer, referTo, shapes } from './shape.ts'

const STREAM_ERRORS: ErrorCode[] = [
  ...(['bad_request', 'unauthorized', 'forbidden', 'not_found', 'rate_limited', 'unavailable'] as const),
]

/** The REST interface as OpenAPI 3.1 describes it: routes and bodies from what validates them, answers from their shapes. */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {}
  for (const route of routes) {
    const path = templateOf(route.path)
    paths[path] = { ...paths[path], [route.method]: describeRoute(route) }
  }
  const refusals = errorAnswers(STREAM_ERRORS, (more) => headerReferences(['X-Request-Id', ...more]))
  Object.assign(paths, eventStreamPaths(refusals), pagePaths())
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'ara-events',
      version,
      license: { name: 'MIT', identifier: 'MIT' },
      description:
        'Events in, streams and signed webhooks out. Every error has the same envelope, every list the same pages (`limit`, `cursor`, `next_cursor`). Fields and parameters that are not known are refused with 422. The streams are described by `/asyncapi.json`.',
    },
    servers: [{ url: '/' }],
    tags: ['Events', 'Webhooks', 'Deliveries', 'Recoveries', 'Streams', 'Identity', 'Operation'].map((name) => ({
      name,
    })),
    paths,
    webhooks: Object.fromEntries(EVENT_TYPES.map((type) => [type, { post: describeReceived(type) }])),
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        board: { type: 'apiKey', in: 'cookie', name: BOARD_COOKIE },
      },
      headers: HEADERS,
      schemas: namedSchemas(),
    },
  }
}

/** How the document names a route's path. */
export function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}')
}

function describeRoute(route: Route): Json {
  const operation = OPERATIONS[nameOf(route)]
  return {
    operationId: operationId(route),
    tags: operation ? [operation.tag] : [],
    summary: route.summary,
    ...(route.permission === 'public' ? { security: [] } : { security: [{ token: [] }, { apiKey: [] }] }),
    ...(route.permission === 'public' ? {} : { 'x-permission': route.permission }),
    parameters: [...pathParameters(route), ...queryParameters(route, operation), ...headerParameters(operation)],
    ...bodyOf(route, operation),
    responses: { ...answersOf(route, operation), ...errorsOf(route, operation) },
  }
}

function nameOf(route: Route): string {
  return `${route.method.toUpperCase()} ${route.path}`
}

function operationId(route: Route): string {
  const words = route.path
    .replace('/api/v1', '')
    .split(/[/:._-]+/)
    .filter((word) => word !== '')
  return camelCase([route.method, ...words])
}

/** Of the id that follows each of these in a path. */
const EXAMPLE_AFTER: Record<string, string> = {
  webhooks: ID.webhook,
  deliveries: ID.delivery,
  events: ID.event,
  recoveries: ID.recovery,
  'api-keys': ID.key,
  users: ID.user,
}

function pathParameters(route: Route): Json[] {
  const segments = route.path.split('/')
  return segments.flatMap((segment, index) => {
    if (!segment.startsWith(':')) return []
    const example = EXAMPLE_AFTER[segments[index - 1] ?? '']
    return [{ name: segment.slice(1), in: 'path', required: true, schema: { type: 'string' }, example }]
  })
}

function queryParameters(route: Route, operation: Operation | undefined): Json[] {
  if (!route.query) return []
  const { properties = {}, required = [] } = schemaOf(route.query) as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
    ...(operation?.query?.[name] === undefined ? {} : { example: operation.query[name] }),
    ...(name === 'webhook_id' ? { example: ID.webhook } : {}),
  }))
}

function headerParameters(operation: Operation | undefined): Json[] {
  const description =
    'A request repeated within a day with the same key and body gets the first answer; nothing happens twice.'
  const schema = { type: 'string', minLength: 1, maxLength: 255 }
  return operation?.idempotent
    ? [{ name: 'Idempotency-Key', in: 'header', required: false, description, schema, example: 'run-2026-06-01-AAPL' }]
    : []
}

function bodyOf(route: Route, operation: Operation | undefined): Json {
  if (!route.body && !route.rawBody) return {}
  const example = operation?.body === undefined ? {} : { example: operation.body }
  const schema = route.body
    ? schemaOf(route.body)
    : { type: 'array', items: schemaOf(EventInput), minItems: 1, maxItems: 1000 }
  const ndjson = operation?.ndjson
    ? {
        'application/x-ndjson': {
          schema: { type: 'string', description: 'An event a line.' },
          example: operation.ndjson,
        },
      }
    : {}
  return {
    requestBody: { required: !route.bodyOptional, content: { 'application/json': { schema, ...example }, ...ndjson } },
  }
}

function answersOf(route: Route, operation: Operation | undefined): Json {
  const answers = operation?.answers ?? { [route.status ?? 200]: z.unknown() }
  return Object.fromEntries(
    Object.entries(answers).map(([status, shape]) => [
      status,
      {
        description: describeAnswer(status, shape),
        headers: headersOf(route, operation?.headers ?? []),
        ...(shape === null ? {} : { content: contentOf(shape, ANSWER_EXAMPLES[nameOf(route)]) }),
      },
    ]),
  )
}

function describeAnswer(status: string, shape: Operation['answers'][number]): string {
  if (status === '304') return 'As the caller has it already; no body.'
  return shape === null ? 'Done; no body.' : 'The answer.'
}

function contentOf(shape: z.ZodType | 'text' | 'html', example: unknown): Json {
  if (shape === 'text') return { 'text/plain': { schema: { type: 'string' } } }
  if (shape === 'html') return { 'text/html': { schema: { type: 'string' } } }
  return { 'application/json': { schema: referTo(shape), ...(example === undefined ? {} : { example }) } }
}

/** Errors that follow from the definition of a route, and those that it has besides. */
function errorCodes(route: Route, operation: Operation | undefined): ErrorCode[] {
  const codes: ErrorCode[] = [...(operation?.errors ?? [])]
  if (route.body || route.rawBody) {
    codes.push('malformed_json', 'malformed_text', 'aborted', 'payload_too_large', 'unsupported_media_type')
    if (!route.bodyOptional) codes.push('empty_body')
  }
  if (route.body || route.rawBody) codes.push('validation_failed')
  if (route.permission !== 'public') codes.push('validation_failed', 'unauthorized', 'rate_limited', 'unavailable')
  if (route.permission !== 'public' && route.permission !== 'authenticated') codes.push('forbidden')
  if (route.path.includes(':') || route.path.endsWith('/test')) codes.push('not_found')
  return [...new Set<ErrorCode>([...codes, 'internal_error'])]
}

function errorsOf(route: Route, operation: Operation | undefined): Json {
  const codes = errorCodes(route, operation).filter((code) => operation?.answers[ERRORS[code].status] === undefined)
  return errorAnswers(codes, (more, status) => headersOf(route, more, status !== 401))
}

/** Whoever is not known is not counted. */
function headersOf(route: Route, more: readonly HeaderName[], counted = true): Json {
  const names: HeaderName[] = ['X-Request-Id', ...more]
  if (route.permission !== 'public' && counted)
    names.push('X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset')
  return headerReferences(names)
}

function namedSchemas(): Json {
  const { schemas } = z.toJSONSchema(shapes, { uri: pointer, io: 'output', unrepresentable: 'any' })
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutIds(schema as Json)]))
}

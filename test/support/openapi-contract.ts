import assert from 'node:assert/strict'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Answer } from './web-system.ts'

export interface DocumentedAnswer {
  description: string
  headers?: Record<string, { $ref: string }>
  content?: Record<string, { schema: unknown; example?: unknown; examples?: Record<string, { value: unknown }> }>
}

export interface DocumentedOperation {
  parameters: { name: string; in: string; required: boolean; example?: unknown; schema: unknown }[]
  requestBody?: { required: boolean; content: Record<string, { schema: unknown; example?: unknown }> }
  responses: Record<string, DocumentedAnswer>
}

export interface OpenApi {
  paths: Record<string, Record<string, DocumentedOperation>>
  webhooks: Record<string, { post: DocumentedOperation }>
  components: { headers: Record<string, { example: string }>; schemas: Record<string, unknown> }
}

/** Headers that the connection or the framework sets, which are nobody's contract. */
const COMMON = new Set([
  ...[
    'content-type',
    'content-length',
    'date',
    'connection',
    'keep-alive',
    'transfer-encoding',
    'vary',
    'cache-control',
  ],
  ...['x-content-type-options', 'referrer-policy', 'uwebsockets', 'content-security-policy', 'x-frame-options'],
  ...['cross-origin-opener-policy', 'cross-origin-resource-policy', 'permissions-policy', 'content-encoding'],
])

/** Holds answers, and the document's own examples, against an OpenAPI document. */
export function contractOf(document: OpenApi) {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document, 'openapi')

  /** A schema by the names on the way to it. */
  function at(...way: string[]): ValidateFunction {
    const pointer = way.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')
    const found = ajv.getSchema(`openapi#/${pointer}`)
    assert.ok(found, `no schema at ${way.join(' → ')}`)
    return found
  }

  function holds(value: unknown, ...way: string[]): void {
    const validate = at(...way)
    assert.ok(validate(value), `${way.join(' → ')}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`)
  }

  return {
    holds,
    answers(path: string, method: string, answer: Answer): void {
      const documented = document.paths[path]?.[method]?.responses[String(answer.status)]
      assert.ok(documented, `${method} ${path} answered ${answer.status}, which is not documented: ${answer.text}`)
      for (const name of answer.headers.keys()) {
        const known = Object.keys(documented.headers ?? {}).some((one) => one.toLowerCase() === name)
        assert.ok(known || COMMON.has(name), `${method} ${path} ${answer.status}: the header ${name} is not documented`)
      }
      assert.ok(answer.headers.get('x-request-id'), 'no X-Request-Id')
      if (documented.content === undefined) {
        assert.equal(answer.text, '')
        return
      }
      const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
      assert.ok(documented.content[type], `${method} ${path} answered ${type}`)
      if (type !== 'application/json') return
      holds(answer.body, 'paths', path, method, 'responses', String(answer.status), 'content', type, 'schema')
      if (answer.status < 400 || answer.body.error === undefined) return
      const codes = Object.keys(documented.content[type]?.examples ?? {})
      assert.ok(codes.includes(answer.body.error), `${method} ${path}: ${answer.body.error} is not documented`)
    },
  }
}

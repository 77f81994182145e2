import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { templateOf } from '../../../src/openapi/document.ts'
import { ERRORS } from '../../../src/openapi/errors.ts'
import { OPERATIONS } from '../../../src/openapi/operations.ts'
import { type DocumentedApi, operations, readDocument } from '../../support/documented-api.ts'
import { routeDefinitions } from '../../support/route-definitions.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

describe('the OpenAPI document', () => {
  let system: WebSystem
  let document: DocumentedApi['document']
  let contract: DocumentedApi['contract']

  before(async () => {
    system = await startWebSystem()
    const api = await readDocument(system)
    document = api.document
    contract = api.contract
  })
  after(() => system.stop())

  it('has every route, what each answers, and nothing else', async () => {
    const routes = await routeDefinitions()
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const streams = ['predictions/{symbol}', 'market-data/{symbol}', 'alerts']
    const beside = [
      ...streams.map((path) => `GET /api/v1/streams/${path}`),
      ...['GET /console', 'GET /admin/queues', 'GET /admin/queues/login'],
      ...['POST /admin/queues/login', 'POST /admin/queues/logout'],
    ]
    assert.deepEqual(documented.sort(), [...[...routes.keys()].map(templateOf), ...beside].sort())
    assert.deepEqual(Object.keys(OPERATIONS).sort(), [...routes.keys()].sort())
  })

  it('documents every error, each with an example', () => {
    const shown = new Set<string>()
    for (const { operation } of operations(document)) {
      for (const [status, { content }] of Object.entries(operation.responses)) {
        const examples = content?.['application/json']?.examples ?? {}
        for (const [code, { value }] of Object.entries(examples)) {
          contract.holds(value, 'components', 'schemas', 'Error')
          assert.equal(ERRORS[code as keyof typeof ERRORS].status, Number(status))
          shown.add(code)
        }
      }
    }
    assert.deepEqual([...shown].sort(), Object.keys(ERRORS).sort())
  })

  it('gives examples that its own schemas take, of every body and every answer', () => {
    for (const { path, method, operation } of operations(document)) {
      for (const [type, { example }] of Object.entries(operation.requestBody?.content ?? {})) {
        assert.ok(example !== undefined, `${method} ${path}: no example of its body`)
        contract.holds(example, 'paths', path, method, 'requestBody', 'content', type, 'schema')
      }
      for (const [status, { content }] of Object.entries(operation.responses)) {
        const json = content?.['application/json']
        if (Number(status) >= 300 || !json) continue
        assert.ok(json.example !== undefined, `${method} ${path}: no example of its answer`)
        contract.holds(
          json.example,
          'paths',
          path,
          method,
          'responses',
          status,
          'content',
          'application/json',
          'schema',
        )
      }
    }
    for (const [type, { post }] of Object.entries(document.webhooks)) {
      const example = post.requestBody?.content['application/json']?.example
      contract.holds(example, 'webhooks', type, 'post', 'requestBody', 'content', 'application/json', 'schema')
    }
  })

  it('names in each path what the path has, and points nowhere that is not there', () => {
    for (const { path, operation } of operations(document)) {
      const ofPath = operation.parameters.filter((parameter) => parameter.in === 'path')
      assert.ok(
        ofPath.every(({ example }) => example !== undefined),
        path,
      )
      const inPath = ofPath.map(({ name }) => name)
      assert.deepEqual(
        inPath,
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      )
    }
    const names = operations(document).map(({ operation }) => (operation as { operationId?: string }).operationId)
    assert.equal(new Set(names).size, names.length)
    for (const [, pointer = ''] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      let place: unknown = document
      for (const step of pointer.split('/')) place = (place as Record<string, unknown>)[step]
      assert.ok(place !== undefined, pointer)
    }
  })

  it('is kept by those who have it already', async () => {
    for (const path of ['/openapi.json', '/asyncapi.json', '/docs']) {
      const etag = (await system.call('GET', path)).headers.get('etag') ?? ''
      const again = await system.call('GET', path, { headers: { 'If-None-Match': etag } })
      assert.equal(again.status, 304)
      contract.answers(path, 'get', again)
    }
  })

  it('is shown at /docs, by a page that may run nothing and load nothing', async () => {
    const { text, headers } = await system.call('GET', '/docs')
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'; /)
    assert.ok(headers.get('content-security-policy')?.includes(`style-src 'sha256-${hash}'`))
    assert.doesNotMatch(text, /<script|<link|<img|\bsrc=|url\(/)
    for (const { path } of operations(document)) assert.ok(text.includes(`<code>${path}</code>`), path)
  })

  it('holds for what streams as Server-Sent Events are refused with', async () => {
    for (const path of ['predictions/AAPL', 'market-data/AAPL', 'alerts']) {
      const documented = `/api/v1/streams/${path.replace('AAPL', '{symbol}')}`
      for (const query of ['token=nonsense', 'since=41', 'last_event_id=nonsense', 'snapshot=perhaps']) {
        const answer = await system.call('GET', `/api/v1/streams/${path}?${query}`)
        assert.ok(answer.status >= 400, answer.text)
        contract.answers(documented, 'get', answer)
      }
    }
  })
})

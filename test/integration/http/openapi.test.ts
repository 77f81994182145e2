import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { publicId, uuidv7 } from '../../../src/ids.ts'
import { templateOf } from '../../../src/openapi/document.ts'
import { ERRORS } from '../../../src/openapi/errors.ts'
import { OPERATIONS } from '../../../src/openapi/operations.ts'
import { eventually } from '../../support/eventually.ts'
import { contractOf, type DocumentedOperation, type OpenApi } from '../../support/openapi-contract.ts'
import { startTestReceiver, type TestReceiver } from '../../support/receiver.ts'
import { routeDefinitions } from '../../support/route-definitions.ts'
import type { Things } from '../../support/route-matrix.ts'
import { type Answer, type Call, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const WEBHOOKS = '/api/v1/webhooks'
const ADMIN = 'root'

describe('the OpenAPI document', () => {
  let system: WebSystem
  let receiver: TestReceiver
  let document: OpenApi
  let contract: ReturnType<typeof contractOf>
  let token: string

  before(async () => {
    receiver = await startTestReceiver()
    system = await startWebSystem({}, { work: true })
    token = system.token(ADMIN, 'admin')
    document = (await system.call('GET', '/openapi.json')).body
    contract = contractOf(document)
  })
  after(async () => {
    await system.stop()
    await receiver.close()
  })

  it('has every route, what each answers, and nothing else', async () => {
    const routes = await routeDefinitions()
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const beside = ['predictions/{symbol}', 'market-data/{symbol}', 'alerts'].map(
      (path) => `GET /api/v1/streams/${path}`,
    )
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

  describe('holds for', () => {
    for (const [name, operation] of Object.entries(OPERATIONS)) {
      const [method = '', path = ''] = name.split(' ')
      it(`the examples of ${name}`, async () => {
        const things = await makeThings()
        const call = (more: Call) =>
          system.call(method, addressOf(path, things, documentedOf(name)), { token, ...more })
        const bodies = Object.entries(documentedOf(name).requestBody?.content ?? { none: {} })
        for (const [type, { example }] of bodies) {
          const key = operation.idempotent ? { 'Idempotency-Key': `${keyExample(name)}-${type}` } : {}
          const headers = type === 'none' ? key : { ...key, 'content-type': type }
          const answer = await call({ headers, ...(example === undefined ? {} : { body: example }) })
          const expected = Object.keys(operation.answers).map(Number)
          // Metrics need a token, and a sign-in the code of a link that nobody was given.
          const absent = name === 'GET /metrics' ? [404] : name.endsWith('/sign-in') ? [401] : []
          assert.ok([...expected, ...absent].includes(answer.status), `${answer.status}: ${answer.text}`)
          check(name, answer)
          if (operation.idempotent) check(name, await call({ headers, body: example }))
        }
      })

      it(`the errors of ${name}`, async () => {
        const things = missingThings()
        const address = addressOf(path, things, documentedOf(name))
        const example = Object.values(documentedOf(name).requestBody?.content ?? {})[0]?.example
        const body = example === undefined ? {} : { body: example }
        const calls: Call[] = [
          { ...body },
          { ...body, token: 'not-a-token' },
          { ...body, token: system.token('bob', 'readonly') },
        ]
        if (path.includes(':') || path.endsWith('/test')) calls.push({ ...body, token: system.token('bob', 'user') })
        if (example !== undefined) {
          const as = { token }
          calls.push(
            { ...as, body: '{' },
            { ...as, body: Buffer.from([0x22, 0xff, 0x22]) },
            { ...as, body: { nonsense: 1 } },
          )
          calls.push({ ...as, body: 'x', headers: { 'content-type': 'text/plain' } }, { ...as, body: '' })
          calls.push({ ...as, body: '{}', headers: { 'Content-Encoding': 'gzip' } })
        }
        for (const call of calls) check(name, await system.call(method, address, call))
        if (documentedOf(name).parameters.some((parameter) => parameter.in === 'query' && parameter.name === 'limit')) {
          check(name, await system.call(method, `${address.split('?')[0]}?limit=0`, { token }))
        }
      })
    }
  })

  function documentedOf(name: string): DocumentedOperation {
    const [method = '', path = ''] = name.split(' ')
    const operation = document.paths[templateOf(path)]?.[method.toLowerCase()]
    assert.ok(operation, name)
    return operation
  }

  function check(name: string, answer: Answer): void {
    const [method = '', path = ''] = name.split(' ')
    contract.answers(templateOf(path), method.toLowerCase(), answer)
  }

  function keyExample(name: string): string {
    return String(documentedOf(name).parameters.find((parameter) => parameter.in === 'header')?.example)
  }

  /** A webhook with a delivery that is over, an event, a key and a recovery that is over. */
  async function makeThings(): Promise<Things> {
    const made = async (path: string, body: unknown) => {
      const answer = await system.call('POST', path, { token, body })
      assert.ok(answer.status < 300, answer.text)
      return answer.body
    }
    await system.db.query({ text: 'DELETE FROM webhooks' })
    const webhook = (await made(WEBHOOKS, { url: receiver.url, events: ['model_trained', 'prediction_complete'] })).id
    const data = { model_id: 'm', model_type: 't' }
    const { event_id } = await made('/api/v1/events', { event_type: 'model_trained', data })
    const key = (await made('/api/v1/auth/api-keys', { name: 'k', role: 'readonly' })).id
    const delivery = await eventually(async () => {
      const { body } = await system.call('GET', `${WEBHOOKS}/${webhook}/deliveries?status=success`, { token })
      return body.deliveries[0]?.id ?? false
    })
    const recovery = (await made(`${WEBHOOKS}/${webhook}/recover`, { since: '2026-01-01T00:00:00Z' })).id
    await system.call('DELETE', `/api/v1/recoveries/${recovery}`, { token })
    return { webhook, delivery, event: event_id, key, recovery }
  }
})

function missingThings(): Things {
  const id = (prefix: 'wh' | 'dlv' | 'evt' | 'key' | 'rcv') => publicId(prefix, uuidv7())
  return { webhook: id('wh'), delivery: id('dlv'), event: id('evt'), key: id('key'), recovery: id('rcv') }
}

function operations(document: OpenApi): { path: string; method: string; operation: DocumentedOperation }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
}

/** The path with real ids in the place of its examples, which name nothing; the rest is sent as documented. */
function addressOf(path: string, things: Things, { parameters }: DocumentedOperation): string {
  const own: [RegExp, string][] = [
    [/^wh_/, things.webhook],
    [/^dlv_/, things.delivery],
    [/^evt_/, things.event],
    [/^key_/, things.key],
    [/^rcv_/, things.recovery],
  ]
  const realOf = (example: unknown) => own.find(([prefix]) => prefix.test(String(example)))?.[1] ?? String(example)
  let address = path
  const query = new URLSearchParams()
  for (const parameter of parameters) {
    if (parameter.in === 'path') address = address.replace(`:${parameter.name}`, realOf(parameter.example))
    if (parameter.in === 'query' && parameter.example !== undefined)
      query.set(parameter.name, realOf(parameter.example))
  }
  return query.size === 0 ? address : `${address}?${query}`
}

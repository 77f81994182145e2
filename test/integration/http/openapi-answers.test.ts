import assert from 'node:assert/strict'
import { OPERATIONS } from '../../../src/openapi/operations.ts'
import { type DocumentedApi, missingThings, readDocument } from '../../support/documented-api.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestReceiver, type TestReceiver } from '../../support/receiver.ts'
import type { Things } from '../../support/route-matrix.ts'
import { type Call, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const WEBHOOKS = '/api/v1/webhooks'

describe('the OpenAPI document holds for', () => {
  let system: WebSystem
  let receiver: TestReceiver
  let api: DocumentedApi
  let token: string

  before(async () => {
    receiver = await startTestReceiver()
    system = await startWebSystem({}, { work: true })
    token = system.token('root', 'admin')
    api = await readDocument(system)
  })
  after(async () => {
    await system.stop()
    await receiver.close()
  })

  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const [method = '', path = ''] = name.split(' ')
    it(`the examples of ${name}`, async () => {
      const things = await makeThings()
      const call = (more: Call) => system.call(method, api.address(name, things), { token, ...more })
      const bodies = Object.entries(api.operation(name).requestBody?.content ?? { none: {} })
      for (const [type, { example }] of bodies) {
        const key = operation.idempotent ? { 'Idempotency-Key': `${keyExample(name)}-${type}` } : {}
        const headers = type === 'none' ? key : { ...key, 'content-type': type }
        const answer = await call({ headers, ...(example === undefined ? {} : { body: example }) })
        const expected = Object.keys(operation.answers).map(Number)
        // Metrics need a token, and a sign-in the code of a link that nobody was given.
        const absent = name === 'GET /metrics' ? [404] : name.endsWith('/sign-in') ? [401] : []
        assert.ok([...expected, ...absent].includes(answer.status), `${answer.status}: ${answer.text}`)
        api.check(name, answer)
        if (operation.idempotent) api.check(name, await call({ headers, body: example }))
      }
    })

    it(`the errors of ${name}`, async () => {
      const things = missingThings()
      const address = api.address(name, things)
      const example = Object.values(api.operation(name).requestBody?.content ?? {})[0]?.example
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
      for (const call of calls) api.check(name, await system.call(method, address, call))
      if (api.operation(name).parameters.some((parameter) => parameter.in === 'query' && parameter.name === 'limit')) {
        api.check(name, await system.call(method, `${address.split('?')[0]}?limit=0`, { token }))
      }
    })
  }

  function keyExample(name: string): string {
    return String(api.operation(name).parameters.find((parameter) => parameter.in === 'header')?.example)
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

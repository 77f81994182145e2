import assert from 'node:assert/strict'
import { OPERATIONS } from '../../../src/openapi/operations.ts'
import { type DocumentedApi, missingThings, readDocument } from '../../support/documented-api.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { postgresUrl } from '../../support/postgres.ts'
import { type Answer, type Call, startWebSystem, type WebSystem } from '../../support/web-system.ts'

/** Answered without the database to whoever shows a token; an API key is looked up. */
const NEED_NONE = ['GET /api/v1/event-types', 'POST /api/v1/publish', 'GET /api/v1/auth/me']

describe('the OpenAPI document holds while the database is away, for', () => {
  let system: WebSystem
  let database: FaultProxy
  let api: DocumentedApi
  let token: string
  let apiKey: string

  before(async () => {
    database = await startFaultProxy(Number(new URL(postgresUrl('postgres')).port))
    system = await startWebSystem({}, { databasePort: database.port })
    token = system.token('root', 'admin')
    api = await readDocument(system)
    apiKey = (await system.call('POST', '/api/v1/auth/api-keys', { token, body: { name: 'k' } })).body.key
    await database.cut()
  })
  after(async () => {
    await database.mend()
    await system.stop()
    await database.close()
  })

  for (const name of Object.keys(OPERATIONS)) {
    it(name, async () => {
      const promises = api.operation(name).responses['503'] !== undefined
      assert.equal((await call(name, { apiKey })).status === 503, promises)
      assert.equal((await call(name, { token })).status === 503, promises && !NEED_NONE.includes(name))
    })
  }

  it('a stream that is asked for with an API key', async () => {
    const answer = await system.call('GET', '/api/v1/streams/alerts', { apiKey })
    assert.equal(answer.status, 503)
    api.check('GET /api/v1/streams/alerts', answer)
  })

  it('the board, when it is opened with an API key', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: system.base }
    const logIn = await system.call('POST', '/admin/queues/login', { body: `token=${apiKey}`, headers })
    const open = await system.call('GET', '/admin/queues', { headers: { cookie: `ara_board=${apiKey}` } })
    assert.deepEqual([logIn.status, open.status], [503, 503])
    api.check('POST /admin/queues/login', logIn)
    api.check('GET /admin/queues', open)
  })

  /** With its first example as its body. */
  async function call(name: string, credential: Call): Promise<Answer> {
    const [method = ''] = name.split(' ')
    const [first] = Object.entries(api.operation(name).requestBody?.content ?? {})
    const body = first ? { headers: { 'content-type': first[0] }, body: first[1].example } : {}
    const answer = await system.call(method, api.address(name, missingThings()), { ...credential, ...body })
    api.check(name, answer)
    return answer
  }
})

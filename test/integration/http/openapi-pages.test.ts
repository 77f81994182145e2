import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { createConsole } from '../../../src/http/console.ts'
import { renderErrors } from '../../../src/http/middleware/render-errors.ts'
import { requestId } from '../../../src/http/middleware/request-id.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { type DocumentedApi, readDocument } from '../../support/documented-api.ts'
import { type Call, call, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const BOARD = '/admin/queues'
const FORM = 'application/x-www-form-urlencoded'

/** The console of the system needs `npm run build`. */
describe('the OpenAPI document holds for the pages beside the API:', () => {
  let system: WebSystem
  let api: DocumentedApi
  let admin: string
  let user: string

  before(async () => {
    system = await startWebSystem({ FAILED_LOGINS_PER_MINUTE: '5' })
    api = await readDocument(system)
    admin = system.token('root', 'admin')
    user = system.token('alice')
  })
  after(() => system.stop())

  async function answers(name: string, expected: number, options: Call = {}) {
    const [method = '', path = ''] = name.split(' ')
    const answer = await system.call(method, path, options)
    assert.equal(answer.status, expected, answer.text)
    api.check(name, answer)
    return answer
  }
  const form = (token: string, more: Record<string, string> = {}): Call => ({
    body: `token=${token}`,
    headers: { 'content-type': FORM, origin: system.base, ...more },
  })

  it('the console, new and kept', async () => {
    const { headers } = await answers('GET /console', 200)
    await answers('GET /console', 304, { headers: { 'if-none-match': headers.get('etag') ?? '', 'cache-control': '' } })
  })

  it('the console that was not built', async () => {
    const server = await serveConsole()
    try {
      const { port } = server.address() as AddressInfo
      const answer = await call(`http://127.0.0.1:${port}/console`, 'GET')
      assert.deepEqual([answer.status, answer.body.error], [404, 'console_not_built'])
      api.check('GET /console', answer)
    } finally {
      server.close()
    }
  })

  it('the board, for who may open it and for who may not', async () => {
    await answers(`GET ${BOARD}`, 200, { token: admin })
    await answers(`GET ${BOARD}`, 302, { headers: { accept: 'text/html' } })
    await answers(`GET ${BOARD}`, 401)
    await answers(`GET ${BOARD}`, 403, { token: user })
  })

  it('the login of the board, and its end', async () => {
    await answers(`GET ${BOARD}/login`, 200)
    const { headers } = await answers(`POST ${BOARD}/login`, 303, form(admin))
    const cookie = headers.get('set-cookie')?.split(';')[0] ?? ''
    await answers(`GET ${BOARD}`, 200, { headers: { cookie } })
    await answers(`POST ${BOARD}/logout`, 303, { headers: { cookie, origin: system.base } })
    await answers(`POST ${BOARD}/logout`, 403, { headers: { cookie } })
  })

  it('a login that is refused', async () => {
    await answers(`POST ${BOARD}/login`, 403, form(user))
    await answers(`POST ${BOARD}/login`, 403, form(admin, { origin: 'https://evil.example' }))
    await answers(`POST ${BOARD}/login`, 415, form(admin, { 'content-type': 'application/json' }))
    await answers(`POST ${BOARD}/login`, 400, { body: '', headers: { 'content-type': FORM, origin: system.base } })
    await answers(`POST ${BOARD}/login`, 413, form('x'.repeat(20_000)))
    await answers(`POST ${BOARD}/login`, 401, form('bad'))
    for (let failed = 1; failed < 5; failed += 1) await system.call('POST', `${BOARD}/login`, form('bad'))
    await answers(`POST ${BOARD}/login`, 429, form('bad'))
    await answers(`GET ${BOARD}`, 429, { token: 'bad' })
  })
})

/** As the system does where there is no console. */
async function serveConsole(): Promise<Server> {
  const app = new Koa()
  app.use(requestId())
  app.use(renderErrors(openLog({ level: 'silent', name: 'test' })))
  app.use(createConsole(() => null))
  const server = createServer(app.callback())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

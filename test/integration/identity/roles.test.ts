import assert from 'node:assert/strict'
import { ROLES, type Role } from '../../../src/identity/principal.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

const ID = '01939b50-0000-7000-8000-000000000000'
const EVERYBODY: readonly Role[] = ROLES
const OWNERS: readonly Role[] = ['user', 'producer', 'admin']
const PRODUCERS: readonly Role[] = ['producer', 'admin']
const ADMINS: readonly Role[] = ['admin']
const WEBHOOK = `/api/v1/webhooks/wh_${ID}`
const DELIVERY = `${WEBHOOK}/deliveries/dlv_${ID}`
const RECOVERY = `/api/v1/recoveries/rcv_${ID}`
const KEY = `/api/v1/auth/api-keys/key_${ID}`

/** Bodies are left out: who may do it is asked before what they want. */
const ROUTES: [method: string, path: string, roles: readonly Role[]][] = [
  ['GET', '/api/v1/auth/me', EVERYBODY],
  ['POST', '/api/v1/auth/tickets', EVERYBODY],
  ['GET', '/api/v1/auth/api-keys', EVERYBODY],
  ['POST', '/api/v1/auth/api-keys', OWNERS],
  ['DELETE', KEY, OWNERS],
  ['POST', `${KEY}/rotate`, OWNERS],
  ['PUT', '/api/v1/users/mallory/block', ADMINS],
  ['DELETE', '/api/v1/users/mallory/block', ADMINS],
  ['GET', '/api/v1/events', EVERYBODY],
  ['GET', `/api/v1/events/evt_${ID}`, EVERYBODY],
  ['GET', '/api/v1/event-types', EVERYBODY],
  ['POST', '/api/v1/events', PRODUCERS],
  ['POST', '/api/v1/events/batch', PRODUCERS],
  ['POST', '/api/v1/publish', PRODUCERS],
  ['GET', '/api/v1/webhooks', EVERYBODY],
  ['GET', '/api/v1/webhooks?user_id=alice', ADMINS],
  ['GET', WEBHOOK, EVERYBODY],
  ['POST', '/api/v1/webhooks', OWNERS],
  ['PATCH', WEBHOOK, OWNERS],
  ['DELETE', WEBHOOK, OWNERS],
  ['POST', `${WEBHOOK}/rotate-secret`, OWNERS],
  ['POST', `${WEBHOOK}/rotate-secret/finish`, OWNERS],
  ['POST', `/api/v1/webhooks/test?webhook_id=wh_${ID}`, OWNERS],
  ['GET', `${WEBHOOK}/deliveries`, EVERYBODY],
  ['GET', DELIVERY, EVERYBODY],
  ['POST', `${DELIVERY}/retry`, OWNERS],
  ['POST', `${WEBHOOK}/recover`, OWNERS],
  ['GET', `${WEBHOOK}/recoveries`, EVERYBODY],
  ['GET', RECOVERY, EVERYBODY],
  ['DELETE', RECOVERY, OWNERS],
  ['GET', '/admin/queues', ADMINS],
]

describe('the roles', () => {
  let system: WebSystem
  before(async () => {
    system = await startWebSystem()
  })
  after(() => system.stop())

  for (const [method, path, allowed] of ROUTES) {
    it(`let ${allowed.join(', ')} do ${method} ${path.replaceAll(ID, '…')} and nobody else`, async () => {
      for (const role of ROLES) {
        const { status, body } = await system.call(method, path, { token: system.token(`a-${role}`, role) })
        if (allowed.includes(role)) assert.ok([200, 201, 204, 400, 404, 422].includes(status), `${role}: ${status}`)
        else assert.deepEqual([status, body.error], [403, 'forbidden'], role)
      }
      assert.equal((await system.call(method, path)).status, 401)
    })
  }

  it('let everybody ask for health', async () => {
    for (const path of ['/health/live', '/health/ready']) assert.equal((await system.call('GET', path)).status, 200)
  })
})

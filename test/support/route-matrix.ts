import type { Role } from '../../src/identity/principal.ts'

/** Things of one owner's, and the same kinds of things that do not exist. */
export type Things = Record<'webhook' | 'delivery' | 'event' | 'key' | 'recovery', string>

/** What a route wants and answers, and whose it is. */
export interface Entry {
  path: (things: Things) => string
  body?: unknown
  /** `everybody` needs no token; `readers` are all roles, `owners` all but `readonly`. */
  who: 'everybody' | 'readers' | 'owners' | 'producers' | 'admins'
  /** What an owner gets who may. */
  ok: number
  /** It names a thing of one owner's, which is nothing to anybody else; `also` says that admins reach it all the same. */
  owned?: 'only' | 'also admins'
}

export const MAY: Record<Entry['who'], readonly Role[]> = {
  everybody: ['readonly', 'user', 'producer', 'admin'],
  readers: ['readonly', 'user', 'producer', 'admin'],
  owners: ['user', 'producer', 'admin'],
  producers: ['producer', 'admin'],
  admins: ['admin'],
}

const EVENT = { event_type: 'system_error', data: { message: 'm' } }
const MESSAGE = { channel: 'market-data', symbol: 'AAPL', data: { price: 1 } }
const WEBHOOK = { url: 'http://127.0.0.1:9/', events: ['backtest_complete'] }
const WEBHOOKS = '/api/v1/webhooks'
const KEYS = '/api/v1/auth/api-keys'
const fixed = (path: string) => () => path
const shared = { owned: 'also admins' } as const

/** An entry for each route: who adds a route says here who may use it, or the test of the matrix fails. */
export const MATRIX: Record<string, Entry> = {
  'GET /health/live': { path: fixed('/health/live'), who: 'everybody', ok: 200 },
  'GET /health/ready': { path: fixed('/health/ready'), who: 'everybody', ok: 200 },
  'GET /asyncapi.json': { path: fixed('/asyncapi.json'), who: 'everybody', ok: 200 },
  'GET /openapi.json': { path: fixed('/openapi.json'), who: 'everybody', ok: 200 },
  'GET /docs': { path: fixed('/docs'), who: 'everybody', ok: 200 },
  'GET /metrics': { path: fixed('/metrics'), who: 'everybody', ok: 404 },
  'GET /api/v1/auth/me': { path: fixed('/api/v1/auth/me'), who: 'readers', ok: 200 },
  'POST /api/v1/auth/tickets': { path: fixed('/api/v1/auth/tickets'), who: 'readers', ok: 201 },
  [`GET ${KEYS}`]: { path: fixed(KEYS), who: 'readers', ok: 200 },
  [`POST ${KEYS}`]: { path: fixed(KEYS), body: { name: 'k', role: 'readonly' }, who: 'owners', ok: 201 },
  [`DELETE ${KEYS}/:id`]: { path: ({ key }) => `${KEYS}/${key}`, who: 'owners', ok: 204, owned: 'only' },
  [`POST ${KEYS}/:id/rotate`]: { path: ({ key }) => `${KEYS}/${key}/rotate`, who: 'owners', ok: 200, owned: 'only' },
  'POST /api/v1/auth/sign-in': { path: fixed('/api/v1/auth/sign-in'), body: { code: 'c' }, who: 'everybody', ok: 401 },
  'GET /api/v1/admin/overview': { path: fixed('/api/v1/admin/overview'), who: 'admins', ok: 200 },
  'PUT /api/v1/users/:id/block': { path: fixed('/api/v1/users/nobody/block'), who: 'admins', ok: 204 },
  'DELETE /api/v1/users/:id/block': { path: fixed('/api/v1/users/nobody/block'), who: 'admins', ok: 204 },
  'GET /api/v1/audit-log': { path: fixed('/api/v1/audit-log'), who: 'readers', ok: 200 },
  'POST /api/v1/events': { path: fixed('/api/v1/events'), body: EVENT, who: 'producers', ok: 202 },
  'POST /api/v1/events/batch': { path: fixed('/api/v1/events/batch'), body: [EVENT], who: 'producers', ok: 202 },
  'GET /api/v1/events': { path: fixed('/api/v1/events'), who: 'readers', ok: 200 },
  'GET /api/v1/events/:id': { path: ({ event }) => `/api/v1/events/${event}`, who: 'readers', ok: 200, ...shared },
  'GET /api/v1/event-types': { path: fixed('/api/v1/event-types'), who: 'readers', ok: 200 },
  'POST /api/v1/publish': { path: fixed('/api/v1/publish'), body: { messages: [MESSAGE] }, who: 'producers', ok: 202 },
  [`GET ${WEBHOOKS}`]: { path: fixed(WEBHOOKS), who: 'readers', ok: 200 },
  [`POST ${WEBHOOKS}`]: { path: fixed(WEBHOOKS), body: WEBHOOK, who: 'owners', ok: 201 },
  [`GET ${WEBHOOKS}/:id`]: { path: ({ webhook }) => `${WEBHOOKS}/${webhook}`, who: 'readers', ok: 200, ...shared },
  [`PATCH ${WEBHOOKS}/:id`]: {
    ...{ path: ({ webhook }) => `${WEBHOOKS}/${webhook}`, body: { description: 'd' } },
    ...{ who: 'owners', ok: 200, ...shared },
  },
  [`DELETE ${WEBHOOKS}/:id`]: { path: ({ webhook }) => `${WEBHOOKS}/${webhook}`, who: 'owners', ok: 204, ...shared },
  [`POST ${WEBHOOKS}/:id/rotate-secret`]: {
    ...{ path: ({ webhook }) => `${WEBHOOKS}/${webhook}/rotate-secret`, who: 'owners', ok: 200, ...shared },
  },
  [`POST ${WEBHOOKS}/:id/rotate-secret/finish`]: {
    ...{ path: ({ webhook }) => `${WEBHOOKS}/${webhook}/rotate-secret/finish`, who: 'owners', ok: 200, ...shared },
  },
  [`POST ${WEBHOOKS}/test`]: {
    ...{ path: ({ webhook }) => `${WEBHOOKS}/test?webhook_id=${webhook}`, who: 'owners', ok: 200, ...shared },
  },
  [`GET ${WEBHOOKS}/:id/deliveries`]: {
    ...{ path: ({ webhook }) => `${WEBHOOKS}/${webhook}/deliveries`, who: 'readers', ok: 200, ...shared },
  },
  [`GET ${WEBHOOKS}/:id/deliveries/:delivery_id`]: {
    path: ({ webhook, delivery }) => `${WEBHOOKS}/${webhook}/deliveries/${delivery}`,
    ...{ who: 'readers', ok: 200, ...shared },
  },
  [`POST ${WEBHOOKS}/:id/deliveries/:delivery_id/retry`]: {
    path: ({ webhook, delivery }) => `${WEBHOOKS}/${webhook}/deliveries/${delivery}/retry`,
    ...{ who: 'owners', ok: 202, ...shared },
  },
  [`POST ${WEBHOOKS}/:id/recover`]: {
    ...{ path: ({ webhook }) => `${WEBHOOKS}/${webhook}/recover`, body: { since: '2026-01-01T00:00:00Z' } },
    ...{ who: 'owners', ok: 202, ...shared },
  },
  [`GET ${WEBHOOKS}/:id/recoveries`]: {
    ...{ path: ({ webhook }) => `${WEBHOOKS}/${webhook}/recoveries`, who: 'readers', ok: 200, ...shared },
  },
  'GET /api/v1/recoveries/:id': {
    ...{ path: ({ recovery }) => `/api/v1/recoveries/${recovery}`, who: 'readers', ok: 200, ...shared },
  },
  'DELETE /api/v1/recoveries/:id': {
    ...{ path: ({ recovery }) => `/api/v1/recoveries/${recovery}`, who: 'owners', ok: 204, ...shared },
  },
}

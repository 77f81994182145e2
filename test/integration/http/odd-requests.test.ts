import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MATRIX } from '../../support/route-matrix.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

const TEXTS = [
  '\0',
  'a\0b',
  '\ud800',
  '\u202e',
  '%',
  "'; --",
  '__proto__',
  '1e400',
  '9'.repeat(400),
  '-1',
  'null',
  '{}',
]
const THINGS = ['webhook', 'delivery', 'event', 'key', 'recovery'] as const
const WEBHOOK = { url: 'https://receiver.example.org/', events: ['*'] }
const EVENT = { event_type: 'system_error', data: { message: 'm' } }

describe('an odd request', () => {
  let system: WebSystem
  before(async () => {
    system = await startWebSystem({ WEBHOOKS_FREE: '100000' })
  })
  after(() => system.stop())

  /** Nothing a caller sends is a fault of ours, and we go on answering. */
  async function send(method: string, path: string, body?: unknown): Promise<void> {
    const { status, text } = await system.call(method, path, { token: system.token('root', 'admin'), body })
    assert.ok(status < 500, `${method} ${path} ${JSON.stringify(body)}: ${status} ${text}`)
  }

  for (const [name, { path }] of Object.entries(MATRIX)) {
    const [method = ''] = name.split(' ')
    it(`is no fault of ours at ${name}`, async () => {
      for (const text of TEXTS) {
        const id = encodeURIComponent(Buffer.from(text).toString())
        const things = Object.fromEntries(THINGS.map((thing) => [thing, id])) as Record<(typeof THINGS)[number], string>
        const at = path(things)
        const query = `${at.includes('?') ? '&' : '?'}limit=${id}&cursor=${id}&since=${id}&status=${id}&user_id=${id}`
        await send(method, at + (method === 'GET' ? query : ''))
      }
      if (method === 'GET') return
      const bodies = fc.sample(fc.jsonValue(), 10)
      for (const body of bodies)
        await send(method, path({ webhook: 'a', delivery: 'b', event: 'c', key: 'd', recovery: 'e' }), body)
    })
  }

  it('is no fault of ours with any text in any field', async () => {
    for (const text of TEXTS) {
      for (const field of [
        'url',
        'secret',
        'description',
        'events',
        'symbols',
        'signature_style',
        'max_attempts',
        text,
      ])
        await send('POST', '/api/v1/webhooks', { ...WEBHOOK, [field]: text })
      await send('POST', '/api/v1/webhooks', { ...WEBHOOK, url: `https://receiver.example.org/${text}` })
      await send('POST', '/api/v1/webhooks', { ...WEBHOOK, secret: `${text}0123456789abcdef` })
      await send('POST', '/api/v1/webhooks', { ...WEBHOOK, headers: { 'X-A': text } })
      await send('POST', '/api/v1/webhooks', { ...WEBHOOK, headers: { [text]: 'a' } })
      await send('POST', '/api/v1/auth/api-keys', { name: text })
      await send('POST', '/api/v1/events', { ...EVENT, user_id: text })
      await send('POST', '/api/v1/events', { ...EVENT, data: { message: text, [text]: text } })
    }
  })
})

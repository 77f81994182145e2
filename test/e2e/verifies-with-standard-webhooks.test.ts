import assert from 'node:assert/strict'
import { Webhook } from 'standardwebhooks'
import { verifyWebhook, WebhookRefused } from '../../client/src/verify-webhook.ts'
import { eventually } from '../support/eventually.ts'
import { type ProcfileSystem, startProcfileSystem } from '../support/procfile-system.ts'
import { startTestReceiver, type TestReceiver } from '../support/receiver.ts'

describe('a delivery, for the Standard Webhooks library', function () {
  this.timeout(120_000)

  let system: ProcfileSystem
  let receiver: TestReceiver
  before(async () => {
    system = await startProcfileSystem()
    receiver = await startTestReceiver()
  })
  after(async () => {
    await receiver?.close()
    await system?.stop()
  })

  it('verifies with the secret that was made for the webhook', async () => {
    const { secret = '' } = await create({})
    await verify(secret)
  })

  it('verifies with a secret of the owner, given to the library in base64', async () => {
    const own = 'your-secret-key-min-16-chars'
    await create({ secret: own })
    await verify(`whsec_${Buffer.from(own).toString('base64')}`)
  })

  it('verifies by our client with either secret as it is, and not when anything was changed', async () => {
    for (const own of ['your-secret-key-min-16-chars', undefined]) {
      const { secret = own } = await create(own === undefined ? {} : { secret: own })
      const library = own === undefined ? secret : `whsec_${Buffer.from(own).toString('base64')}`
      const { body, headers } = await verify(String(library))
      const { event, deliveryId, sentAt } = await verifyWebhook(body, headers, String(secret))
      assert.ok(event.event_type === 'model_deployed' && event.data.model_id === 'né')
      assert.equal(deliveryId, headers['x-webhook-delivery'])
      assert.ok(sentAt instanceof Date)
      const { 'webhook-signature': _, ...untimed } = headers
      await refused('bad_signature', verifyWebhook(body.replace('production', 'staging'), headers, String(secret)))
      await refused('missing_header', verifyWebhook(body, untimed, String(secret)))
      await verifyWebhook(body, untimed, String(secret), { acceptUntimed: true })
      const later = () => Date.now() + 400_000
      await refused('too_old', verifyWebhook(body, headers, String(secret), { now: later }))
    }
  })

  function create(fields: Record<string, unknown>): Promise<{ id: string; secret?: string }> {
    return system.call('POST', '/api/v1/webhooks', system.token('alice', 'user'), {
      url: `${receiver.url}/hook-${receiver.received.length}`,
      events: ['model_deployed'],
      ...fields,
    })
  }

  async function refused(code: WebhookRefused['code'], verified: Promise<unknown>): Promise<void> {
    await assert.rejects(verified, (error) => error instanceof WebhookRefused && error.code === code)
  }

  async function verify(secret: string): Promise<TestReceiver['received'][number]> {
    receiver.received.length = 0
    const event = { event_type: 'model_deployed', data: { model_id: 'né', environment: 'production', at: 1e-7 } }
    await system.call('POST', '/api/v1/events', system.token('model', 'producer'), event)
    const found = await eventually(() => receiver.received.find((request) => fits(secret, request)) ?? false)
    assert.ok(found)
    assert.throws(() => new Webhook(secret).verify(found.body.replace('production', 'staging'), textOf(found.headers)))
    return found
  }

  function fits(secret: string, request: TestReceiver['received'][number]): boolean {
    try {
      const verified = new Webhook(secret).verify(request.body, textOf(request.headers)) as { event_type: string }
      return verified.event_type === 'model_deployed'
    } catch {
      return false
    }
  }
})

function textOf(headers: TestReceiver['received'][number]['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

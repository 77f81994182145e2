import assert from 'node:assert/strict'
import { type VerifyOptions, verifyWebhook, WebhookRefused } from '../../../client/src/verify-webhook.ts'
import { makeSecret, type SignedRequest, signedHeaders } from '../../../src/webhooks/signature.ts'

const AT = new Date('2026-11-23T12:00:00.000Z')
const now = () => AT.getTime()
const BODY =
  '{"data": {"message": "caf\\u00e9", "symbol": "AAPL"}, "event_id": "evt_1", "event_type": "alert_triggered", "timestamp": "2026-11-23T12:00:00.000Z"}'
const PLAIN = 'a-plain-secret-of-a-test'

describe('verifyWebhook', () => {
  it('takes what the sender signs, with a plain secret and with a whsec_ one', async () => {
    for (const secret of [PLAIN, makeSecret(), 'ein-Geheimnis-mit-Umläuten-äöü']) {
      const { event, deliveryId, sentAt } = await verifyWebhook(BODY, signed({ secret }), secret, { now })
      assert.equal(event.event_type, 'alert_triggered')
      assert.ok(event.event_type === 'alert_triggered' && event.data.symbol === 'AAPL')
      assert.deepEqual([deliveryId, sentAt], ['dlv_1', AT])
    }
  })

  it('takes the body as text or bytes, and headers of Node, of fetch and in any case', async () => {
    const headers = signed()
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
    const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]))
    const bytes = Buffer.from(BODY)
    const apart = new Uint8Array(bytes).buffer
    for (const body of [BODY, bytes, new Uint8Array(bytes), apart]) await verifyWebhook(body, lower, PLAIN, { now })
    for (const given of [headers, upper, new Headers(headers)]) await verifyWebhook(BODY, given, PLAIN, { now })
  })

  it('takes either secret during a rotation, on the side of the sender and of the receiver', async () => {
    const [old, fresh] = [makeSecret(), PLAIN]
    const both = signed({ secret: fresh, previousSecret: old })
    await verifyWebhook(BODY, both, old, { now })
    await verifyWebhook(BODY, both, fresh, { now })
    await verifyWebhook(BODY, signed({ secret: old }), [fresh, old], { now })
  })

  it('refuses a body, an id, a time, a secret or a signature that is another', async () => {
    const headers = signed()
    await refused('bad_signature', BODY.replace('AAPL', 'MSFT'), headers)
    await refused('bad_signature', `${BODY} `, headers)
    await refused('bad_signature', BODY, { ...headers, 'webhook-id': 'dlv_2' })
    await refused('bad_signature', BODY, { ...headers, 'webhook-timestamp': String(AT.getTime() / 1000 + 1) })
    await refused('bad_signature', BODY, headers, 'another-plain-secret')
    const { 'webhook-signature': signature = '' } = headers
    for (const other of [
      signature.replace('v1,', 'v2,'),
      signature.replace('v1,', ''),
      signature.slice(0, -5),
      `${signature.slice(0, 3)}${signature.slice(3).toLowerCase()}`,
      'v1,',
      'v1,%%%%',
      `${'v1,AAAA '.repeat(10)}${signature}`,
    ]) {
      await refused('bad_signature', BODY, { ...headers, 'webhook-signature': other })
    }
  })

  it('passes over signatures that it does not know', async () => {
    const headers = signed()
    const several = `v1a,AAAA v1,AAAA ${headers['webhook-signature']}`
    await verifyWebhook(BODY, { ...headers, 'webhook-signature': several }, PLAIN, { now })
  })

  it('refuses what is older or newer than the tolerance, 300 seconds unless another is given', async () => {
    const headers = signed()
    const at = (seconds: number) => () => AT.getTime() + seconds * 1000
    await verifyWebhook(BODY, headers, PLAIN, { now: at(300) })
    await verifyWebhook(BODY, headers, PLAIN, { now: at(-300) })
    await refused('too_old', BODY, headers, PLAIN, { now: at(301) })
    await refused('too_new', BODY, headers, PLAIN, { now: at(-301) })
    await refused('too_old', BODY, headers, PLAIN, { now: at(11), toleranceSeconds: 10 })
    for (const bad of ['', 'now', '-1', '1.5', '1e9', '999999999999']) {
      const code = bad === '' ? 'missing_header' : 'bad_timestamp'
      await refused(code, BODY, { ...headers, 'webhook-timestamp': bad })
    }
  })

  it('demands the headers of the standard, and takes X-Webhook-Signature only when told to', async () => {
    const { 'webhook-signature': _, ...without } = signed()
    await refused('missing_header', BODY, without)
    await refused('missing_header', BODY, {})
    const { event, deliveryId, sentAt } = await verifyWebhook(BODY, without, PLAIN, { acceptUntimed: true })
    assert.deepEqual([event.event_id, deliveryId, sentAt], ['evt_1', null, null])
    await refused('bad_signature', BODY.replace('AAPL', 'MSFT'), without, PLAIN, { acceptUntimed: true })
    await refused('bad_signature', BODY, { ...without, 'X-Webhook-Signature': 'sha256=00' }, PLAIN, {
      acceptUntimed: true,
    })
    await refused('missing_header', BODY, {}, PLAIN, { acceptUntimed: true })
    // The one that covers the time is not passed over.
    await refused('bad_signature', BODY, { ...signed(), 'webhook-signature': 'v1,AAAA' }, PLAIN, {
      now,
      acceptUntimed: true,
    })
  })

  it('refuses a signed body that is no event', async () => {
    for (const canonical of ['[]', 'null', 'text', '{"data": {}}']) {
      await refused('bad_body', canonical, signed({ canonical }))
    }
  })

  it('tells a mistake in the call apart from a bad request', async () => {
    const wrong = (body: unknown, secret: string | string[]) =>
      assert.rejects(verifyWebhook(body as string, signed(), secret, { now }), TypeError)
    await wrong(JSON.parse(BODY), PLAIN)
    await wrong(undefined, PLAIN)
    await wrong(BODY, '')
    await wrong(BODY, [])
    await wrong(BODY, 'whsec_%%%')
    await wrong(BODY, 'whsec_')
  })
})

function signed(fields: Partial<SignedRequest> = {}): Record<string, string> {
  return signedHeaders({
    ...{ deliveryId: 'dlv_1', eventType: 'alert_triggered', attempt: 1, secret: PLAIN, canonical: BODY, at: AT },
    ...{ style: 'canonical', version: '1', test: false },
    ...fields,
  })
}

async function refused(
  code: WebhookRefused['code'],
  body: string,
  headers: Record<string, string>,
  secret = PLAIN,
  options: VerifyOptions = { now },
): Promise<void> {
  await assert.rejects(
    verifyWebhook(body, headers, secret, options),
    (error) => error instanceof WebhookRefused && error.code === code,
    `${code} of ${JSON.stringify(headers)}`,
  )
}

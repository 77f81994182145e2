import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { canonicalEvent } from '../../../src/events/catalogue.ts'
import { checkSecret, makeSecret, type SignedRequest, signedHeaders } from '../../../src/webhooks/signature.ts'

const PLAIN = 'schlüssel-für-die-tests-🔑'
const event = {
  data: {
    symbol: 'AAPL',
    note: 'né à Paris 😀',
    tiny: 1e-7,
    whole: 2 ** 60,
    event_type: 'inner',
    deep: { b: [1], a: 2 },
  },
  event_id: 'evt_01939b50-0000-7000-8000-000000000001',
  event_type: 'prediction_complete',
  timestamp: '2026-11-23T12:00:00.000Z',
}
const canonical = canonicalEvent(event)

function headersOf(changes: Partial<SignedRequest> = {}): Record<string, string> {
  return signedHeaders({
    deliveryId: 'dlv_01939b50-0000-7000-8000-000000000002',
    eventType: 'prediction_complete',
    attempt: 3,
    secret: PLAIN,
    canonical,
    style: 'canonical',
    at: new Date(),
    version: '1.2.3',
    test: false,
    ...changes,
  })
}

const hex = (secret: string, text: string) => `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`
const asLibrarySecret = (secret: string) => `whsec_${Buffer.from(secret).toString('base64')}`
const verifies = (secret: string, headers: Record<string, string>, body = canonical) =>
  assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body))

describe('X-Webhook-Signature', () => {
  it('is sha256= and the HMAC of the canonical text with the secret as UTF-8', () => {
    assert.equal(headersOf()['X-Webhook-Signature'], hex(PLAIN, canonical))
  })

  it('is the value that OpenSSL computed', () => {
    const headers = headersOf({ secret: 'your-secret-key-min-16-chars', canonical: '{"a": 1}' })
    assert.equal(
      headers['X-Webhook-Signature'],
      'sha256=9f25d58e44d739179f64e6b235ae1d13ed85460f36250d1bb20715eeb6aacdfe',
    )
  })

  it('takes a whsec_ secret as the text it is', () => {
    const secret = makeSecret()
    assert.equal(headersOf({ secret })['X-Webhook-Signature'], hex(secret, canonical))
  })

  it('is the HMAC of what the quick start’s Node receiver prints for node-quickstart', () => {
    const payload = JSON.parse(canonical)
    const printed = JSON.stringify(payload, Object.keys(payload).sort())
    assert.equal(headersOf({ style: 'node-quickstart' })['X-Webhook-Signature'], hex(PLAIN, printed))
    assert.notEqual(printed, canonical)
  })

  it('is the same on every attempt and at every time', () => {
    const [first, later] = [headersOf({ at: new Date(0) }), headersOf({ attempt: 10 })]
    assert.equal(first['X-Webhook-Signature'], later['X-Webhook-Signature'])
    assert.equal(first['Idempotency-Key'], later['Idempotency-Key'])
  })

  it('still uses the previous secret while a rotation is under way, in both styles', () => {
    const rotating = { secret: 'the-new-secret-0001', previousSecret: PLAIN }
    for (const style of ['canonical', 'node-quickstart'] as const) {
      assert.equal(
        headersOf({ ...rotating, style })['X-Webhook-Signature'],
        headersOf({ style })['X-Webhook-Signature'],
      )
    }
  })
})

describe('webhook-signature', () => {
  it('is verified by the Standard Webhooks library with a made secret', () => {
    const secret = makeSecret()
    verifies(secret, headersOf({ secret }))
  })

  it('is verified by it with whsec_ and the base64 of any other secret', () => {
    verifies(asLibrarySecret(PLAIN), headersOf())
  })

  it('is verified by it for any secret and event', () => {
    const secrets = fc
      .string({ unit: 'binary', minLength: 16, maxLength: 60 })
      .filter((text) => checkSecret(text) === null)
    fc.assert(
      fc.property(secrets, fc.string({ unit: 'binary' }), (secret, note) => {
        const body = canonicalEvent({ ...event, data: { note } })
        const library = secret.startsWith('whsec_') ? secret : asLibrarySecret(secret)
        verifies(library, headersOf({ secret, canonical: body }), body)
      }),
    )
  })

  it('covers the body as it is sent, whatever the style of the other header', () => {
    verifies(asLibrarySecret(PLAIN), headersOf({ style: 'node-quickstart' }))
  })

  it('is verified with both secrets while a rotation is under way and with no third', () => {
    const [secret, previousSecret] = [makeSecret(), makeSecret()]
    const headers = headersOf({ secret, previousSecret })
    verifies(secret, headers)
    verifies(previousSecret, headers)
    assert.throws(() => new Webhook(makeSecret()).verify(canonical, headers), /No matching signature/)
    assert.equal(headers['webhook-signature']?.split(' ').length, 2)
  })

  it('is refused by the library when body, id or time were changed, or the time is old', () => {
    const library = new Webhook(asLibrarySecret(PLAIN))
    const headers = headersOf()
    const later = String(Number(headers['webhook-timestamp']) + 1)
    assert.throws(() => library.verify(canonical.replace('AAPL', 'MSFT'), headers), /No matching signature/)
    assert.throws(() => library.verify(canonical, { ...headers, 'webhook-id': 'dlv_2' }), /No matching signature/)
    assert.throws(() => library.verify(canonical, { ...headers, 'webhook-timestamp': later }), /No matching signature/)
    assert.throws(() => library.verify(canonical, headersOf({ at: new Date(Date.now() - 600_000) })), /too old/)
  })
})

describe('the headers of a webhook request', () => {
  it('name the event, the delivery and the attempt', () => {
    const headers = headersOf({ at: new Date('2026-11-23T12:00:00.999Z') })
    const { 'X-Webhook-Signature': _, 'webhook-signature': __, ...others } = headers
    const id = 'dlv_01939b50-0000-7000-8000-000000000002'
    assert.deepEqual(others, {
      'Content-Type': 'application/json',
      'User-Agent': 'ara-events/1.2.3',
      'X-Webhook-Event': 'prediction_complete',
      'X-Webhook-Delivery': id,
      'X-Webhook-Attempt': '3',
      'Idempotency-Key': id,
      'webhook-id': id,
      'webhook-timestamp': '1795435200',
    })
  })

  it('carry X-Webhook-Test on tests only', () => {
    assert.equal(headersOf({ test: true })['X-Webhook-Test'], 'true')
    assert.ok(!('X-Webhook-Test' in headersOf()))
  })
})

describe('a secret', () => {
  it('that is made is whsec_ and 32 bytes, acceptable and never the same', () => {
    const secrets = Array.from({ length: 100 }, makeSecret)
    assert.equal(new Set(secrets).size, 100)
    for (const secret of secrets) {
      assert.equal(checkSecret(secret), null)
      assert.equal(Buffer.from(secret.replace('whsec_', ''), 'base64').length, 32)
    }
  })

  const fine = [
    'x'.repeat(16),
    'x'.repeat(128),
    PLAIN,
    `whsec_${'A'.repeat(24)}`,
    'whsec-not-the-prefix',
    'WHSEC_not-the-prefix',
  ]
  for (const secret of fine) it(`may be ${JSON.stringify(secret)}`, () => assert.equal(checkSecret(secret), null))

  const refused: [secret: string, reason: RegExp][] = [
    ['', /16 to 128/],
    ['x'.repeat(15), /16 to 128/],
    ['x'.repeat(129), /16 to 128/],
    [`${'x'.repeat(20)}\0`, /NUL/],
    [`${'x'.repeat(20)}\ud83d`, /surrogate/],
    ['whsec_not base64 at all!', /base64/],
    [`whsec_${'A'.repeat(23)}`, /base64/],
    [`whsec_${'-_'.repeat(12)}`, /base64/],
    [`whsec_${'='.repeat(12)}`, /base64/],
  ]
  for (const [secret, reason] of refused) {
    it(`cannot be ${JSON.stringify(secret)}`, () => assert.match(checkSecret(secret) ?? '', reason))
  }
})

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { forgetOldSecrets } from '../../../src/webhooks/forget-secrets.ts'
import { eventually } from '../../support/eventually.ts'
import { type Received, startTestReceiver, type TestReceiver } from '../../support/receiver.ts'
import { makeWebhook } from '../../support/rows.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

const WEBHOOKS = '/api/v1/webhooks'
const OWN = 'a-secret-of-my-own'
const OTHER = 'another-secret-of-my-own'

describe('rotating the secret of a webhook', () => {
  let system: WebSystem
  let receiver: TestReceiver
  let token: string
  const closers: (() => unknown)[] = []

  before(async () => {
    system = await startWebSystem({ DELIVERY_RETRY_BASE_MS: '50' }, { work: true })
    closers.push(() => system.stop())
    receiver = await startTestReceiver()
    closers.push(() => receiver.close())
    token = system.token('alice')
  })
  after(async () => {
    for (const close of closers.reverse()) await close()
  })

  const create = async (fields: object = {}) => {
    const body = { url: `${receiver.url}/hook`, events: ['model_trained'], secret: OWN, ...fields }
    return (await system.call('POST', WEBHOOKS, { token, body })).body.id as string
  }
  const rotate = (id: string, body?: unknown) =>
    system.call('POST', `${WEBHOOKS}/${id}/rotate-secret`, { token, ...(body === undefined ? {} : { body }) })
  const finish = (id: string) => system.call('POST', `${WEBHOOKS}/${id}/rotate-secret/finish`, { token })
  const show = async (id: string) => (await system.call('GET', `${WEBHOOKS}/${id}`, { token })).body
  const endOverlap = (id: string) =>
    system.db.query({
      text: "UPDATE webhooks SET rotation_ends_at = now() - interval '1 ms' WHERE id = $1",
      values: [id.slice(3)],
    })

  /** What the receiver gets now: a test goes the way of every delivery. */
  async function receive(id: string): Promise<Received> {
    const before = receiver.received.length
    const { body } = await system.call('POST', `${WEBHOOKS}/test?webhook_id=${id}`, { token })
    assert.equal(body.delivery.status, 'success', JSON.stringify(body))
    const request = receiver.received[before]
    assert.ok(request)
    return request
  }

  it('signs with both during the overlap, and with the new one after it', async () => {
    const id = await create()
    assertSignedBy(await receive(id), { standard: [OWN], single: OWN })
    const { status, body } = await rotate(id, { secret: OTHER })
    assert.deepEqual([status, body.secret], [200, OTHER])
    const ahead = Date.parse(body.secret_rotation.ends_at) - Date.now()
    assert.ok(ahead > 86_000_000 && ahead < 86_500_000, `${ahead}`)
    assertSignedBy(await receive(id), { standard: [OTHER, OWN], single: OWN })
    assertSignedBy(await receive(id), { standard: [OTHER, OWN], single: OWN })
    await endOverlap(id)
    assert.equal((await show(id)).secret_rotation, null)
    assertSignedBy(await receive(id), { standard: [OTHER], single: OTHER })
  })

  it('makes a secret when none is given, and shows it in that answer alone', async () => {
    const id = await create()
    const { body } = await rotate(id)
    assert.match(body.secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
    assertSignedBy(await receive(id), { standard: [body.secret, OWN], single: OWN })
    for (const path of [`${WEBHOOKS}/${id}`, WEBHOOKS]) {
      const { text } = await system.call('GET', path, { token })
      assert.ok(!text.includes(body.secret) && !text.includes(OWN))
    }
    assert.deepEqual((await show(id)).secret_rotation, body.secret_rotation)
    const [row] = await system.db.query<{ all: string }>({ text: 'SELECT webhooks::text AS all FROM webhooks' })
    assert.ok(!row?.all.includes(Buffer.from(body.secret).toString('hex')))
  })

  it('switches at once when it is finished, which may be repeated', async () => {
    const id = await create()
    await rotate(id, { secret: OTHER })
    for (let times = 0; times < 2; times += 1) {
      const { status, body } = await finish(id)
      assert.deepEqual([status, body.secret_rotation, body.secret], [200, null, undefined])
    }
    assertSignedBy(await receive(id), { standard: [OTHER], single: OTHER })
    assert.equal((await rotate(id, { secret: OWN })).status, 200)
  })

  it('switches at once with an overlap of 0, for a secret that is out', async () => {
    const id = await create()
    const { body } = await rotate(id, { secret: OTHER, overlap_seconds: 0 })
    assert.equal(body.secret_rotation, null)
    assertSignedBy(await receive(id), { standard: [OTHER], single: OTHER })
    assert.deepEqual(await stored(id), { previous: false, ends: false })
  })

  it('covers the text of the quick start’s Node receiver the same way', async () => {
    const id = await create({ signature_style: 'node-quickstart' })
    await rotate(id, { secret: OTHER })
    assertSignedBy(await receive(id), { standard: [OTHER, OWN], single: OWN, text: quickstartText })
    await finish(id)
    assertSignedBy(await receive(id), { standard: [OTHER], single: OTHER, text: quickstartText })
  })

  it('is refused while another one is under way, also of many at once', async () => {
    const id = await create()
    const answers = await Promise.all(Array.from({ length: 8 }, () => rotate(id)))
    const won = answers.filter(({ status }) => status === 200)
    const lost = answers.filter(({ status }) => status === 409)
    assert.deepEqual([won.length, lost.length], [1, 7])
    const [winner] = won
    for (const { body } of lost) {
      assert.equal(body.error, 'rotation_under_way')
      assert.deepEqual(body.details, winner?.body.secret_rotation)
    }
    assertSignedBy(await receive(id), { standard: [winner?.body.secret, OWN], single: OWN })
    assert.equal((await rotate(id, { overlap_seconds: 0 })).status, 409)
    await endOverlap(id)
    assert.equal((await rotate(id)).status, 200)
  })

  it('refuses what cannot be a secret or an overlap, and changes nothing then', async () => {
    const id = await create()
    for (const [path, body] of [
      ['secret', { secret: 'whsec_does not decode' }],
      ['secret', { secret: 'whsec_abc' }],
      ['secret', { secret: 'short' }],
      ['secret', { secret: 'x'.repeat(129) }],
      ['secret', { secret: OWN }],
      ['secret', { secret: null }],
      ['overlap_seconds', { overlap_seconds: -1 }],
      ['overlap_seconds', { overlap_seconds: 604_801 }],
      ['overlap_seconds', { overlap_seconds: 1.5 }],
      ['overlap_seconds', { overlap_seconds: '60' }],
      ['overlap', { overlap: 60 }],
    ] as const) {
      const answer = await rotate(id, body)
      assert.deepEqual([answer.status, answer.body.details?.[0]?.path], [422, path], JSON.stringify(body))
    }
    assertSignedBy(await receive(id), { standard: [OWN], single: OWN })
    assert.equal((await rotate(id, { overlap_seconds: 604_800 })).status, 200)
  })

  it('leaves nothing of the old secret behind once its overlap is over', async () => {
    const [id, running] = [await create(), await create()]
    await rotate(id)
    await rotate(running)
    await endOverlap(id)
    await forgetOldSecrets(system.db, 1000)
    assert.deepEqual(await stored(id), { previous: false, ends: false })
    assert.deepEqual(await stored(running), { previous: true, ends: true })
  })

  it('forgets in bounded steps', async () => {
    await system.db.query({ text: 'UPDATE webhooks SET previous_secret = NULL, rotation_ends_at = NULL' })
    for (let count = 0; count < 3; count += 1)
      await makeWebhook(system.db, { user_id: 'bob', events: ['system_error'] })
    await system.db.query({
      text: "UPDATE webhooks SET previous_secret = secret, rotation_ends_at = now() - interval '1 s' WHERE user_id = 'bob'",
    })
    assert.deepEqual([await forgetOldSecrets(system.db, 2), await forgetOldSecrets(system.db, 2)], [2, 1])
  })

  it('holds for what was accepted before and is attempted after', async () => {
    const attempts: Received[] = []
    const late = await startTestReceiver({
      respond: (request, count) => {
        attempts.push(request)
        return count === 1 ? { status: 500, headers: { 'Retry-After': '1' } } : { status: 200 }
      },
    })
    closers.push(() => late.close())
    const id = await create({ url: late.url })
    await system.call('POST', '/api/v1/events', {
      token: system.token('models', 'producer'),
      body: { event_type: 'model_trained', data: { model_id: 'm', model_type: 't' } },
    })
    await eventually(() => attempts.length === 1)
    await rotate(id, { secret: OTHER })
    await eventually(async () => (await show(id)).last_delivery_status === 'success', { timeoutMs: 30_000 })
    const [first, second] = attempts
    assert.ok(first && second)
    assertSignedBy(first, { standard: [OWN], single: OWN })
    assertSignedBy(second, { standard: [OTHER, OWN], single: OWN })
  })

  async function stored(id: string) {
    const [row] = await system.db.query<{ previous: boolean; ends: boolean }>({
      text: 'SELECT previous_secret IS NOT NULL AS previous, rotation_ends_at IS NOT NULL AS ends FROM webhooks WHERE id = $1',
      values: [id.slice(3)],
    })
    return row
  }
})

/** `webhook-signature` verifies with each of `standard` and has no other; `X-Webhook-Signature` is that of `single`. */
function assertSignedBy(
  request: Received,
  expected: { standard: (string | undefined)[]; single: string; text?: (body: string) => string },
): void {
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
  for (const secret of expected.standard) {
    assert.ok(secret)
    assert.deepEqual(new Webhook(librarySecret(secret)).verify(request.body, headers), JSON.parse(request.body))
  }
  assert.equal(headers['webhook-signature']?.split(' ').length, expected.standard.length)
  for (const secret of [OWN, OTHER].filter((one) => !expected.standard.includes(one))) {
    assert.throws(() => new Webhook(librarySecret(secret)).verify(request.body, headers))
  }
  const text = expected.text?.(request.body) ?? request.body
  const hex = createHmac('sha256', expected.single).update(text).digest('hex')
  assert.equal(headers['x-webhook-signature'], `sha256=${hex}`)
}

function librarySecret(secret: string): string {
  return secret.startsWith('whsec_') ? secret : `whsec_${Buffer.from(secret).toString('base64')}`
}

function quickstartText(body: string): string {
  const payload = JSON.parse(body)
  return JSON.stringify(payload, Object.keys(payload).sort())
}

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { listAttempts } from '../../../src/deliveries/delivery-log.ts'
import { publicId } from '../../../src/ids.ts'
import { answer, openAttemptBench } from '../../support/work-attempt-bench.ts'
import { openDelivery, SECRET } from '../../support/work-attempts.ts'

describe('making an attempt', () => {
  const bench = openAttemptBench()

  it('has committed the attempt as started, under a lease, before the receiver gets the first byte', async () => {
    const seen: unknown[] = []
    const deliveryId = await bench.owedTo(async (socket) => {
      seen.push(...(await listAttempts(bench.db(), deliveryId)).map((attempt) => attempt.status))
      seen.push((await bench.shown(deliveryId)).status)
      socket.write(answer(200))
    })
    await bench.make(deliveryId, 1)
    assert.deepEqual(seen, ['started', 'delivering'])
    assert.equal((await bench.shown(deliveryId)).status, 'success')
    assert.deepEqual(await bench.statuses(deliveryId), ['success'])
  })

  it('sends our headers, the custom ones and one idempotency key for all attempts, numbered', async () => {
    const headers = { 'X-Tenant': 'acme', Authorization: 'Bearer of-the-receiver' }
    const receiver = await bench.rawReceiver((socket, _, count) => socket.write(answer(count === 1 ? 500 : 200)))
    const deliveryId = await bench.owedTo(receiver, { headers })
    await bench.make(deliveryId, 1)
    await bench.make(deliveryId, 2)
    const [first = {}, second = {}] = receiver.requests.map(headersOf)
    const body = receiver.requests[0]?.split('\r\n\r\n')[1] ?? ''
    const id = publicId('dlv', deliveryId)
    assert.deepEqual([first['x-webhook-attempt'], second['x-webhook-attempt']], ['1', '2'])
    assert.equal(receiver.requests[1]?.split('\r\n\r\n')[1], body)
    for (const sent of [first, second]) {
      for (const name of ['idempotency-key', 'x-webhook-delivery', 'webhook-id']) assert.equal(sent[name], id)
      assert.equal(sent['x-webhook-signature'], `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`)
      const signed = `${id}.${sent['webhook-timestamp']}.${body}`
      assert.equal(sent['webhook-signature'], `v1,${createHmac('sha256', SECRET).update(signed).digest('base64')}`)
      assert.equal(sent['x-webhook-event'], 'prediction_complete')
      assert.equal(sent['content-type'], 'application/json')
      assert.equal(sent['user-agent'], 'ara-events/1.2.3')
      assert.deepEqual([sent['x-tenant'], sent['authorization']], ['acme', 'Bearer of-the-receiver'])
      assert.equal(sent['x-webhook-test'], undefined)
    }
  })

  it('logs no custom header that the receiver shows in its answer', async () => {
    const headers = { Authorization: 'Bearer of-the-receiver', 'X-Short': '1' }
    const receiver = await bench.rawReceiver((socket, request) =>
      socket.write(`HTTP/1.1 200 OK\r\nX-Seen: of-the-receiver\r\nContent-Length: ${request.length}\r\n\r\n${request}`),
    )
    const deliveryId = await bench.owedTo(receiver, { headers })
    await bench.make(deliveryId, 1)
    const [attempt] = await listAttempts(bench.db(), deliveryId)
    const { response_body } = await bench.shown(deliveryId)
    for (const logged of [attempt?.request_headers, attempt?.response_headers, attempt?.response_body, response_body]) {
      assert.ok(logged && !String(logged).includes('of-the-receiver'), String(logged))
    }
    assert.match(String(response_body), /\r\nAuthorization: \*\*\*\r\nX-Short: 1\r\n/i)
    assert.equal(JSON.parse(String(attempt?.response_headers))['x-seen'], '***')
  })

  it('logs the headers it sent with the custom ones masked, and what came back', async () => {
    const headers = { 'X-Tenant': 'acme' }
    const receiver = await bench.rawReceiver((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n\0\xff`),
    )
    const deliveryId = await bench.owedTo(receiver, { headers })
    await bench.make(deliveryId, 1)
    const [attempt] = await listAttempts(bench.db(), deliveryId)
    const sent = JSON.parse(attempt?.request_headers ?? '')
    assert.equal(sent['X-Tenant'], '***')
    assert.equal(sent['X-Webhook-Attempt'], '1')
    assert.deepEqual(JSON.parse(String(attempt?.response_headers)), { 'x-a': '1', 'content-length': '2' })
    assert.equal(attempt?.response_body?.length, 2)
    assert.equal(attempt?.url, receiver.url)
    const row = JSON.stringify(await bench.db().query({ text: 'SELECT * FROM attempts' }))
    assert.ok(!row.includes('acme') && !row.includes(SECRET))
  })

  const failures: [what: string, response: string, retryInMs: number][] = [
    ['by the policy', answer(500), 1_000],
    ['by what the receiver asks for', answer(429, 'Retry-After: 9\r\n'), 9_000],
    ['no sooner than by the policy', answer(503, 'Retry-After: 0\r\n'), 1_000],
    ['by the policy after a redirect', answer(301, 'Location: /\r\n'), 1_000],
    ['by the policy after what is not HTTP', 'SSH-2.0\r\n', 1_000],
  ]
  for (const [what, response, retryInMs] of failures) {
    it(`comes back ${what}`, async () => {
      const deliveryId = await bench.owedTo((socket) => socket.write(response))
      const attempted = await bench.make(deliveryId, 1)
      assert.deepEqual([attempted?.status, attempted?.retryInMs], ['failed', retryInMs])
      const delivery = await bench.shown(deliveryId)
      assert.equal(delivery.status, 'retrying')
      const wait = Number(delivery.next_retry_at) - Date.now()
      assert.ok(wait > retryInMs - 1_000 && wait <= retryInMs, `${wait}`)
    })
  }

  it('honours a date in Retry-After, at most a day of it', async () => {
    const in3Days = new Date(Date.now() + 3 * 86_400_000).toUTCString()
    const deliveryId = await bench.owedTo((socket) => socket.write(answer(503, `Retry-After: ${in3Days}\r\n`)))
    assert.equal((await bench.make(deliveryId, 1))?.retryInMs, 86_400_000)
  })

  it('waits four times as long after each failure and ends as failed when no attempt is left', async () => {
    const deliveryId = await bench.owedTo((socket) => socket.write(answer(500)))
    const waits: unknown[] = []
    for (let attempt = 1; attempt <= 3; attempt += 1) waits.push((await bench.make(deliveryId, attempt))?.retryInMs)
    assert.deepEqual(waits, [1_000, 4_000, null])
    const delivery = await bench.shown(deliveryId)
    assert.deepEqual([delivery.status, delivery.error, delivery.response_code], ['failed', 'bad_status', 500])
    assert.deepEqual(await bench.statuses(deliveryId), ['failed', 'failed', 'failed'])
    assert.equal(await bench.make(deliveryId, 4), null)
  })

  it('turns the webhook off at a 410, cancels what else is open and retries nothing', async () => {
    const deliveryId = await bench.owedTo((socket) => socket.write(answer(410)))
    const other = await openDelivery(bench.db())
    const attempted = await bench.make(deliveryId, 1)
    assert.deepEqual([attempted?.status, attempted?.error, attempted?.retryInMs], ['failed', 'gone', null])
    assert.deepEqual(
      [(await bench.shown(deliveryId)).status, (await bench.shown(other)).status],
      ['failed', 'canceled'],
    )
    const [webhook] = await bench.db().query<{ active: boolean }>({ text: 'SELECT active FROM webhooks' })
    assert.equal(webhook?.active, false)
  })

  it('takes a number that was claimed, a delivery that is over or one that never was for nothing to do', async () => {
    const deliveryId = await bench.owedTo((socket) => socket.write(answer(200)))
    assert.deepEqual(
      await Promise.all([bench.make(deliveryId, 1), bench.make(deliveryId, 1)]).then(
        (all) => all.filter(Boolean).length,
      ),
      1,
    )
    assert.equal(await bench.make(deliveryId, 1), null)
    assert.equal(await bench.make(deliveryId, 2), null)
    assert.equal(await bench.make(bench.webhookId(), 1), null)
    assert.equal(bench.worker().attempted.length, 1)
  })
})

function headersOf(request: string): Record<string, string> {
  const [head = ''] = request.split('\r\n\r\n')
  const lines = head.split('\r\n').slice(1)
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  )
}

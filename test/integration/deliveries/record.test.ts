import assert from 'node:assert/strict'
import { turnOff } from '../../../src/webhooks/switch-webhook.ts'
import { openClaimBench } from '../../support/claim-bench.ts'
import { claimsNow } from '../../support/feed.ts'
import { openDelivery, attemptResult as result } from '../../support/work-attempts.ts'

describe('a record', () => {
  const bench = openClaimBench()
  const {
    claim,
    claimElsewhere,
    record,
    recordElsewhere,
    expireLease,
    shownDelivery,
    attemptStatuses,
    counters,
    openRows,
  } = bench

  it('ends a delivery with its success and counts it', async () => {
    const deliveryId = await openDelivery(bench.db())
    await claim({ deliveryId, attempt: 1 })
    assert.equal(await record(result({ deliveryId, attempt: 1 })), true)
    const shown = await shownDelivery(deliveryId)
    assert.equal(shown.status, 'success')
    assert.ok(shown.delivered_at)
    assert.deepEqual(await counters(), [1, 1, 0])
    assert.equal(await openRows(), 0)
  })

  it('keeps the headers that were sent as they are, whatever is in them', async () => {
    const texts = [
      'a "quoted" one',
      'C:\\ and \\"',
      '{1,2},NULL',
      'tab\tand\nline',
      'caf\u00e9 \ud83d\ude80',
      '',
      'NULL',
    ]
    const sent = texts.map((text) => JSON.stringify({ 'X-Sent': text }))
    const ids = await Promise.all(sent.map(() => openDelivery(bench.db())))
    await Promise.all(ids.map((deliveryId) => claim({ deliveryId, attempt: 1 })))
    await Promise.all(
      ids.map((deliveryId, index) => record(result({ deliveryId, attempt: 1, requestHeaders: sent[index] ?? '' }))),
    )
    const kept = await bench.db().query<{ delivery_id: string; request_headers: string }>({
      text: 'SELECT delivery_id, request_headers FROM attempts',
    })
    const byId = new Map(kept.map((row) => [row.delivery_id, row.request_headers]))
    assert.deepEqual(
      ids.map((id) => byId.get(id)),
      sent,
    )
  })

  it('opens a failed attempt again after its delay and counts nothing yet', async () => {
    const deliveryId = await openDelivery(bench.db())
    await claim({ deliveryId, attempt: 1 })
    await record(
      result({ deliveryId, attempt: 1, status: 'failed', retryInMs: 60_000, responseCode: 500, error: 'bad_status' }),
    )
    const shown = await shownDelivery(deliveryId)
    assert.equal(shown.status, 'retrying')
    const wait = Number(shown.next_retry_at) - Date.now()
    assert.ok(wait > 50_000 && wait <= 61_000, `${wait}`)
    assert.deepEqual(await counters(), [0, 0, 0])
    assert.deepEqual(await claimsNow(bench.db(), { perWebhook: 10, most: 10 }), [])
  })

  it('shows until when an open delivery is held back, unless it is under way or somebody asked for it', async () => {
    const deliveryId = await openDelivery(bench.db())
    assert.equal((await shownDelivery(deliveryId)).held_back_until, null)
    const [health] = await bench.db().query<{ probe_at: Date }>({
      text: `INSERT INTO webhook_health (webhook_id, breaker, probe_at) VALUES ($1, 'open', now() + interval '20 s')
             RETURNING probe_at`,
      values: [bench.webhookId()],
    })
    assert.deepEqual((await shownDelivery(deliveryId)).held_back_until, health?.probe_at)
    await claim({ deliveryId, attempt: 1 })
    assert.equal((await shownDelivery(deliveryId)).held_back_until, null)
    await record(result({ deliveryId, attempt: 1, status: 'failed', retryInMs: 5_000 }))
    assert.deepEqual((await shownDelivery(deliveryId)).held_back_until, health?.probe_at)
    await bench.db().query({ text: 'UPDATE due SET urgent = true' })
    assert.equal((await shownDelivery(deliveryId)).held_back_until, null)
    await claim({ deliveryId, attempt: 2 })
    await record(result({ deliveryId, attempt: 2 }))
    assert.equal((await shownDelivery(deliveryId)).held_back_until, null)
  })

  it('ends a delivery whose last attempt failed and counts that', async () => {
    const deliveryId = await openDelivery(bench.db())
    await claim({ deliveryId, attempt: 1 })
    await record(result({ deliveryId, attempt: 1, status: 'failed', retryInMs: null, error: 'timeout' }))
    assert.equal((await shownDelivery(deliveryId)).status, 'failed')
    assert.deepEqual(await counters(), [1, 0, 1])
  })

  it('counts those given up in a row and remembers since when, until one gets through', async () => {
    assert.deepEqual(await failing(), { since: null, inRow: 0, gone: false })
    const first = await openDelivery(bench.db())
    await endWith(first, { status: 'failed', responseCode: 500 })
    assert.deepEqual(await failing(), { since: openedAt(first), inRow: 1, gone: false })
    await endWith(await openDelivery(bench.db()), { status: 'failed', responseCode: null, error: 'timeout' })
    assert.deepEqual(await failing(), { since: openedAt(first), inRow: 2, gone: false })
    const early = await openDelivery(bench.db())
    await endWith(await openDelivery(bench.db()), {})
    assert.deepEqual(await failing(), { since: null, inRow: 0, gone: false })
    await endWith(early, { status: 'failed', responseCode: 410 })
    const { since, ...rest } = await failing()
    assert.deepEqual(rest, { inRow: 1, gone: true })
    assert.ok(since && since > openedAt(early), 'not since before the success')
  })

  it('counts nothing of a test, an aborted attempt or one that goes on', async () => {
    const deliveryId = await openDelivery(bench.db())
    await claim({ deliveryId, attempt: 1 })
    await record(result({ deliveryId, attempt: 1, status: 'failed', retryInMs: 0 }))
    await claim({ deliveryId, attempt: 2 })
    await record(result({ deliveryId, attempt: 2, status: 'aborted', retryInMs: 0 }))
    await bench.db().query({ text: 'UPDATE due SET test = true' })
    await claim({ deliveryId, attempt: 3 })
    await record(result({ deliveryId, attempt: 3, status: 'failed', responseCode: 410 }))
    assert.deepEqual(await failing(), { since: null, inRow: 0, gone: false })
  })

  it('records a late finisher as superseded and lets it change nothing', async () => {
    const deliveryId = await openDelivery(bench.db())
    await claim({ deliveryId, attempt: 1 })
    await expireLease(deliveryId)
    await claimElsewhere({ deliveryId, attempt: 2 })
    assert.equal(await record(result({ deliveryId, attempt: 1 })), false)
    assert.equal((await shownDelivery(deliveryId)).status, 'delivering')
    assert.equal(await recordElsewhere(result({ deliveryId, attempt: 2, status: 'failed', retryInMs: null })), true)
    assert.deepEqual(await attemptStatuses(deliveryId), ['superseded', 'failed'])
    assert.equal((await shownDelivery(deliveryId)).status, 'failed')
  })

  it('takes a record that is repeated, since its answer was lost, for the one it was', async () => {
    for (const outcome of [{ status: 'success' }, { status: 'failed', retryInMs: 60_000 }] as const) {
      const deliveryId = await openDelivery(bench.db())
      await claim({ deliveryId, attempt: 1 })
      assert.equal(await record(result({ deliveryId, attempt: 1, ...outcome })), true)
      assert.equal(await record(result({ deliveryId, attempt: 1, ...outcome })), true)
      assert.deepEqual(await attemptStatuses(deliveryId), [outcome.status])
    }
    assert.deepEqual(await counters(), [1, 1, 0])
  })

  it('charges nothing for an attempt that was aborted and gives the delivery back at once', async () => {
    const deliveryId = await openDelivery(bench.db())
    await claim({ deliveryId, attempt: 1 })
    await record(result({ deliveryId, attempt: 1, status: 'aborted', retryInMs: 0, error: 'aborted' }))
    assert.deepEqual(await claimsNow(bench.db(), { perWebhook: 10, most: 10 }), [{ deliveryId, attempt: 2 }])
    const again = await claim({ deliveryId, attempt: 2 })
    assert.equal(again?.maxAttempts, 4)
  })

  it('keeps a delivery cancelled whose attempt comes back after the webhook was turned off', async () => {
    const deliveryId = await openDelivery(bench.db())
    await claim({ deliveryId, attempt: 1 })
    await bench.db().transaction((sql) => turnOff(sql, bench.webhookId(), 'disabled by its owner'))
    assert.deepEqual(await attemptStatuses(deliveryId), ['unknown'])
    assert.equal(await record(result({ deliveryId, attempt: 1 })), false)
    assert.equal((await shownDelivery(deliveryId)).status, 'canceled')
    assert.deepEqual(await attemptStatuses(deliveryId), ['superseded'])
    assert.deepEqual(await counters(), [0, 0, 0])
  })

  it('keeps what receivers send, whatever bytes it has', async () => {
    const deliveryId = await openDelivery(bench.db())
    await claim({ deliveryId, attempt: 1 })
    await record(result({ deliveryId, attempt: 1, responseBody: Buffer.from([0, 255, 10, 0]) }))
    assert.deepEqual((await shownDelivery(deliveryId)).response_body, Buffer.from([0, 255, 10, 0]))
  })

  const opened = new Map<string, Date>()

  async function endWith(deliveryId: string, fields: Partial<Parameters<typeof result>[0]>): Promise<void> {
    const [row] = await bench.db().query<{ opened_at: Date }>({
      text: 'SELECT opened_at FROM due WHERE delivery_id = $1',
      values: [deliveryId],
    })
    if (row) opened.set(deliveryId, row.opened_at)
    await claim({ deliveryId, attempt: 1 })
    assert.equal(await record(result({ deliveryId, attempt: 1, ...fields })), true)
  }

  function openedAt(deliveryId: string): Date {
    return opened.get(deliveryId) ?? assert.fail(deliveryId)
  }

  async function failing() {
    const [row] = await bench.db().query<{ since: Date | null; inRow: number; gone: boolean }>({
      text: 'SELECT failing_since AS since, exhausted_in_row AS "inRow", gone FROM webhook_stats',
    })
    return row ?? assert.fail()
  }
})

import assert from 'node:assert/strict'
import { listDeliveries } from '../../../src/deliveries/delivery-log.ts'
import { openClaimBench } from '../../support/claim-bench.ts'
import { openDelivery, attemptResult as result } from '../../support/work-attempts.ts'

describe('a claim', () => {
  const bench = openClaimBench()
  const { claim, claimElsewhere, record, expireLease, shownDelivery, attemptStatuses, counters, openRows } = bench

  it('gives a number to one of many who ask for it', async () => {
    const deliveryId = await openDelivery(bench.db())
    const asked = Array.from({ length: 20 }, (_, index) =>
      (index % 2 ? claim : claimElsewhere)({ deliveryId, attempt: 1 }),
    )
    const claims = await Promise.all(asked)
    assert.equal(claims.filter((claimed) => claimed !== null).length, 1)
    assert.deepEqual(await attemptStatuses(deliveryId), ['started'])
  })

  it('does not give a number that is not the next one', async () => {
    const deliveryId = await openDelivery(bench.db())
    assert.equal(await claim({ deliveryId, attempt: 2 }), null)
    assert.equal(await claim({ deliveryId, attempt: 0 }), null)
    assert.equal(await claim({ deliveryId: bench.webhookId(), attempt: 1 }), null)
  })

  it('shows a claimed delivery as delivering, with its number', async () => {
    const deliveryId = await openDelivery(bench.db())
    await claim({ deliveryId, attempt: 1 })
    const shown = await shownDelivery(deliveryId)
    assert.deepEqual([shown.status, shown.attempt], ['delivering', 1])
    assert.equal((await listDeliveries(bench.db(), bench.webhookId(), { status: 'delivering', limit: 5 })).length, 1)
    assert.equal((await listDeliveries(bench.db(), bench.webhookId(), { status: 'pending', limit: 5 })).length, 0)
  })

  it('takes over from a worker whose lease ran out, marks its attempt unknown and charges none', async () => {
    const deliveryId = await openDelivery(bench.db())
    await claim({ deliveryId, attempt: 1 })
    await expireLease(deliveryId)
    const taken = await claimElsewhere({ deliveryId, attempt: 2 })
    assert.equal(taken?.maxAttempts, 4)
    assert.deepEqual(await attemptStatuses(deliveryId), ['unknown', 'started'])
  })

  it('fails the claim of a delivery whose event is gone, and none of those beside it', async () => {
    const [first, second] = [await openDelivery(bench.db()), await openDelivery(bench.db())]
    await bench.db().query({
      text: 'DELETE FROM events WHERE id = (SELECT event_id FROM due WHERE delivery_id = $1)',
      values: [first],
    })
    const [lost, claimed] = await Promise.allSettled(
      [first, second].map((deliveryId) => claim({ deliveryId, attempt: 1 })),
    )
    assert.equal(lost?.status, 'rejected')
    assert.equal(claimed?.status === 'fulfilled' && claimed.value?.deliveryId, second)
  })

  it('finds nothing in days that are not there, and what stands beside it all the same', async () => {
    const deliveryId = await openDelivery(bench.db())
    const strangers = ['0160f5c2-7000-7000-8000-000000000001', 'ffffffff-ffff-4fff-8fff-ffffffffffff']
    const claims = await Promise.all([deliveryId, ...strangers].map((id) => claim({ deliveryId: id, attempt: 1 })))
    assert.deepEqual(
      claims.map((claimed) => claimed?.deliveryId),
      [deliveryId, undefined, undefined],
    )
    const results = [deliveryId, ...strangers].map((id) => result({ deliveryId: id, attempt: 1 }))
    assert.deepEqual(await Promise.all(results.map(record)), [true, false, false])
  })

  it('ends a delivery as poison after five attempts in a row without a known outcome', async () => {
    const deliveryId = await openDelivery(bench.db())
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      assert.notEqual(await claim({ deliveryId, attempt }), null, `attempt ${attempt}`)
      await expireLease(deliveryId)
    }
    assert.equal(await claim({ deliveryId, attempt: 6 }), null)
    const shown = await shownDelivery(deliveryId)
    assert.deepEqual([shown.status, shown.error], ['failed', 'poison'])
    assert.deepEqual(await counters(), [1, 0, 1])
    assert.equal(await openRows(), 0)
  })

  it('cancels instead of claiming when the webhook was turned off or deleted meanwhile', async () => {
    const first = await openDelivery(bench.db())
    await bench.db().query({ text: 'UPDATE webhooks SET active = false' })
    assert.equal(await claim({ deliveryId: first, attempt: 1 }), null)
    assert.equal((await shownDelivery(first)).status, 'canceled')
    await bench.db().query({ text: 'UPDATE webhooks SET active = true' })
    const second = await openDelivery(bench.db())
    await bench.db().query({ text: 'DELETE FROM webhooks' })
    assert.equal(await claim({ deliveryId: second, attempt: 1 }), null)
    assert.equal((await shownDelivery(second)).status, 'canceled')
    assert.equal(await openRows(), 0)
  })
})

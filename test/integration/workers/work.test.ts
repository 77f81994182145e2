import assert from 'node:assert/strict'
import { insertEvents } from '../../../src/events/insert-events.ts'
import { publicId } from '../../../src/ids.ts'
import type { Heard } from '../../../src/streams/backplane.ts'
import { eventually } from '../../support/eventually.ts'
import { newEvent } from '../../support/rows.ts'
import { storeWebhook } from '../../support/work-attempts.ts'
import { assertNoDuplicates, deliveryIds, describeForEachQueue } from '../../support/work-bench.ts'
import { lookIntoQueue } from '../../support/work-system.ts'

describeForEachQueue('the worker', (bench) => {
  it('delivers accepted events, each once, and keeps few jobs of them', async () => {
    const receiver = await bench.newReceiver()
    const system = await bench.start()
    await storeWebhook(bench.database().db, { url: receiver.url })
    await system.publish(200)
    await bench.settled()
    assert.equal(receiver.received.length, 200)
    assertNoDuplicates(receiver)
    assert.deepEqual(await bench.outcomes(), { success: 200 })
    const { completed = 0, ...others } = await eventually(async () => {
      const counts = await lookIntoQueue(system, (queue) => queue.getJobCounts())
      assert.equal(counts['active'], 0)
      return counts
    })
    assert.ok(completed <= 100, `${completed}`)
    assert.equal(
      Object.values(others).reduce((sum, count) => sum + count, 0),
      0,
      JSON.stringify(others),
    )
  })

  it('retries with growing delays until no attempt is left, and shows each failed attempt as a failed job', async () => {
    const receiver = await bench.newReceiver(() => ({ status: 500, body: 'a secret of the receiver' }))
    const system = await bench.start({ DELIVERY_RETRY_BASE_MS: '100' })
    const webhook_id = await storeWebhook(bench.database().db, { url: receiver.url, maxAttempts: 3 })
    await system.publish(1)
    await bench.settled()
    const times = receiver.received.map((request) => request.at.getTime())
    assert.equal(times.length, 3)
    const [first = 0, second = 0, third = 0] = times
    assert.ok(second - first >= 100 && third - second >= 400, `${times}`)
    assert.deepEqual(await bench.outcomes(), { failed: 1 })
    const id = deliveryIds(receiver)[0]?.slice('dlv_'.length)
    const failed = await eventually(async () => {
      const jobs = await lookIntoQueue(system, (queue) => queue.getFailed())
      assert.equal(jobs.length, 3)
      return jobs
    })
    const jobs = failed.map((job) => [job.id, job.data]).sort()
    assert.deepEqual(
      jobs,
      [1, 2, 3].map((attempt) => [`${id}~${attempt}`, { delivery_id: id, attempt, webhook_id }]),
    )
    assert.ok(failed.every((job) => job.failedReason?.startsWith('bad_status (500); ')))
    assert.ok(!JSON.stringify(failed).includes('a secret of the receiver'))
  })

  it('holds the requests under way at one webhook to its cap, and those of others go on', async () => {
    let open = 0
    let most = 0
    const slow = await bench.newReceiver(() => {
      most = Math.max(most, ++open)
      setTimeout(() => open--, 150)
      return { status: 200, delayMs: 150 }
    })
    const quick = await bench.newReceiver()
    const system = await bench.start({ DELIVERY_PER_WEBHOOK: '4' })
    await storeWebhook(bench.database().db, { url: slow.url, symbols: ['SLOW'] })
    await storeWebhook(bench.database().db, { url: quick.url, symbols: ['QUICK'] })
    await system.publish(40, 'SLOW')
    await system.publish(10, 'QUICK')
    await eventually(() => quick.received.length === 10)
    assert.ok(slow.received.length < 40, `${slow.received.length}`)
    await bench.settled()
    assert.ok(most > 1 && most <= 4, `${most}`)
    assertNoDuplicates(slow)
  })

  it('shares the work with another worker, and neither repeats what the other does', async () => {
    const receiver = await bench.newReceiver(() => ({ status: 200, delayMs: 20 }))
    const one = await bench.start({ DELIVERY_CONCURRENCY: '5' })
    const other = await bench.start({ DELIVERY_CONCURRENCY: '5' })
    await storeWebhook(bench.database().db, { url: receiver.url })
    await Promise.all([one.publish(100), other.publish(100)])
    await bench.settled()
    assert.equal(receiver.received.length, 200)
    assertNoDuplicates(receiver)
    const rows = await bench.database().db.query({ text: 'SELECT worker FROM attempts GROUP BY worker' })
    assert.equal(rows.length, 2)
  })

  it('announces what nobody has announced for five seconds', async () => {
    const system = await bench.start()
    const heard: Heard[] = []
    system.resources.backplane.onHeard((one) => heard.push(one))
    await system.resources.backplane.follow('alerts')
    const [left, fresh] = [newEvent({ type: 'alert_triggered', streamed: true }), newEvent({ streamed: true })]
    await insertEvents(bench.database().db, [left, fresh])
    await bench.database().db.query({
      // The other one stays young, however slow this machine is.
      text: "UPDATE announcements SET accepted_at = now() + CASE event_id WHEN $1 THEN interval '-6 s' ELSE interval '1 hour' END",
      values: [left.id],
    })
    await eventually(() => heard.length > 0)
    const [message] = heard
    assert.ok(message?.kind === 'frame')
    assert.equal(JSON.parse(message.frame).event_id, publicId('evt', left.id))
    await eventually(async () => {
      const owed = await bench.database().db.query<{ event_id: string }>({ text: 'SELECT event_id FROM announcements' })
      assert.deepEqual(owed, [{ event_id: fresh.id }])
    })
  })

  it('ends every job, what it names or not', async () => {
    const receiver = await bench.newReceiver()
    const system = await bench.start()
    await storeWebhook(bench.database().db, { url: receiver.url })
    const forged: unknown[] = [
      {},
      null,
      { delivery_id: "'; DROP TABLE due", attempt: 1 },
      { delivery_id: 7, attempt: 0.5 },
    ]
    await lookIntoQueue(system, (queue) =>
      queue.addBulk(forged.map((data) => ({ name: 'attempt', data: data as never, opts: { attempts: 1 } }))),
    )
    await system.publish(20)
    await bench.settled()
    assert.deepEqual(await bench.outcomes(), { success: 20 })
    await eventually(async () => {
      const counts = await lookIntoQueue(system, (queue) => queue.getJobCounts('active', 'waiting', 'failed'))
      assert.deepEqual(counts, { active: 0, waiting: 0, failed: 0 })
    })
  })
})

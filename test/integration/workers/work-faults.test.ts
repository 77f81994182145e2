import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { eventually } from '../../support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { storeWebhook } from '../../support/work-attempts.ts'
import { assertNoDuplicates, describeForEachQueue } from '../../support/work-bench.ts'

describeForEachQueue('the worker in trouble', (bench) => {
  it('delivers everything when the queue is emptied at its work, and nothing twice', async () => {
    const receiver = await bench.newReceiver(() => ({ status: 200, delayMs: 50 }))
    const system = await bench.start({ DELIVERY_CONCURRENCY: '2', DELIVERY_PER_WEBHOOK: '100' })
    await storeWebhook(bench.database().db, { url: receiver.url })
    await system.publish(60)
    await eventually(() => receiver.received.length >= 5)
    await bench.backend().empty()
    assert.ok(receiver.received.length < 30, `${receiver.received.length}`)
    await bench.settled()
    assert.equal(receiver.received.length, 60)
    assertNoDuplicates(receiver)
  })

  it('goes on when all its connections to PostgreSQL are terminated', async () => {
    const receiver = await bench.newReceiver(() => ({ status: 200, delayMs: 30 }))
    const system = await bench.start({ DELIVERY_CONCURRENCY: '4' })
    await storeWebhook(bench.database().db, { url: receiver.url })
    await system.publish(100)
    let terminated = 0
    for (let times = 0; times < 5; times += 1) {
      await setTimeout(60)
      terminated += await terminateAll()
    }
    assert.ok(terminated > 0)
    await bench.settled()
    assert.deepEqual(await bench.outcomes(), { success: 100 })
    await system.publish(1)
    await bench.settled()
  })

  it('goes on when PostgreSQL has been away for seconds', async () => {
    await behindProxy(async (proxy, url) => {
      const receiver = await bench.newReceiver(() => ({ status: 200, delayMs: 30 }))
      const system = await bench.start({ DATABASE_URL: url, DELIVERY_CONCURRENCY: '4' })
      await storeWebhook(bench.database().db, { url: receiver.url })
      await system.publish(100)
      await eventually(() => receiver.received.length >= 20)
      await proxy.cut()
      await setTimeout(3_000)
      assert.ok(receiver.received.length < 100)
      await proxy.mend()
      await bench.settled()
      assert.deepEqual(await bench.outcomes(), { success: 100 })
      assertNoDuplicates(receiver)
      await system.stop()
    })
  })

  it('finishes what is under way when it stops', async () => {
    const receiver = await bench.newReceiver(() => ({ status: 200, delayMs: 400 }))
    const system = await bench.start()
    await storeWebhook(bench.database().db, { url: receiver.url })
    await system.publish(10)
    await eventually(() => receiver.received.length === 10)
    await system.stop()
    assert.deepEqual(await bench.outcomes(), { success: 10 })
  })

  it('aborts at its deadline what does not end, spends no attempt, and another worker goes on', async () => {
    let stopped = false
    const receiver = await bench.newReceiver(() => (stopped ? { status: 200 } : 'hang'))
    const system = await bench.start({ SHUTDOWN_SECONDS: '1' })
    await storeWebhook(bench.database().db, { url: receiver.url, maxAttempts: 1 })
    await system.publish(10)
    await eventually(() => receiver.received.length === 10)
    const before = performance.now()
    await system.stop()
    const took = performance.now() - before
    assert.ok(took > 900 && took < 4_000, `${took}`)
    stopped = true
    await bench.start()
    await bench.settled()
    assert.deepEqual(await bench.outcomes(), { success: 10 })
    const rows = await bench.database().db.query({
      text: 'SELECT status, attempt, count(*) FROM attempts GROUP BY 1, 2 ORDER BY attempt',
    })
    assert.deepEqual(rows, [
      { status: 'aborted', attempt: 1, count: 10 },
      { status: 'success', attempt: 2, count: 10 },
    ])
  })

  it('stops in time with PostgreSQL away and attempts under way, and another worker takes them over', async () => {
    let stopped = false
    const receiver = await bench.newReceiver(() => (stopped ? { status: 200 } : 'hang'))
    await storeWebhook(bench.database().db, { url: receiver.url, maxAttempts: 1 })
    await behindProxy(async (proxy, url) => {
      const system = await bench.start({ DATABASE_URL: url, SHUTDOWN_SECONDS: '1' })
      await system.publish(5)
      await eventually(() => receiver.received.length === 5)
      await proxy.cut()
      const before = performance.now()
      await system.stop()
      assert.ok(performance.now() - before < 8_000, `${performance.now() - before}`)
    })
    stopped = true
    await bench.start()
    await bench.settled()
    assert.deepEqual(await bench.outcomes(), { success: 5 })
    const rows = await bench.database().db.query({
      text: 'SELECT status, count(*) FROM attempts GROUP BY 1 ORDER BY 1',
    })
    assert.deepEqual(rows, [
      { status: 'success', count: 5 },
      { status: 'unknown', count: 5 },
    ])
  })

  /** With the address of the database behind a proxy. */
  async function behindProxy(work: (proxy: FaultProxy, url: string) => Promise<void>): Promise<void> {
    const url = new URL(bench.database().url)
    const proxy = await startFaultProxy(Number(url.port))
    url.port = String(proxy.port)
    try {
      await work(proxy, url.href)
    } finally {
      await proxy.close()
    }
  }

  /** All but those of the tests themselves. @returns how many there were */
  async function terminateAll(): Promise<number> {
    const rows = await bench.database().db.query({
      text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name <> 'test' AND backend_type = 'client backend'`,
    })
    return rows.length
  }
})

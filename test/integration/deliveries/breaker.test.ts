import assert from 'node:assert/strict'
import { forgetStaleHealth, listHealth } from '../../../src/deliveries/health-store.ts'
import { retryDelivery } from '../../../src/deliveries/retry-delivery.ts'
import { openFeederBench } from '../../support/feeder-bench.ts'

describe('the feeder is fair by the breaker', () => {
  const bench = openFeederBench()
  const { newWorker, owed, found, take, breakerOf, endAll } = bench
  const probeIsDue = () =>
    bench.db().query({
      text: "UPDATE webhook_health SET probe_at = now() - interval '1 ms' WHERE probe_at IS NOT NULL",
    })

  it('closed → open: ten failures hold everything back, and other webhooks go on', async () => {
    const failing = await owed(20)
    const well = await owed(3)
    await found(failing, 9, { failed: true })
    assert.equal(await breakerOf(failing), 'closed')
    await found(failing, 1, { failed: true })
    assert.equal(await breakerOf(failing), 'open')
    assert.deepEqual([...new Set((await take()).map(({ webhookId }) => webhookId))], [well])
  })

  it('open → probing: when its time has come one is fed, by one of several feeders', async () => {
    const id = await owed(20)
    await found(id, 10, { failed: true })
    assert.deepEqual(await take(), [])
    await probeIsDue()
    const fed = (await Promise.all(Array.from({ length: 6 }, () => take()))).flat()
    assert.equal(fed.length, 1)
    assert.equal(await breakerOf(id), 'probing')
    await endAll(fed)
    assert.deepEqual(await take(), [])
  })

  it('probing → probing: a probe that was lost with its worker is followed by another', async () => {
    const id = await owed(20)
    await found(id, 10, { failed: true })
    await probeIsDue()
    assert.equal((await take()).length, 1)
    await probeIsDue()
    assert.deepEqual(await take(), [], 'the first is still in flight')
    await bench.db().query({ text: 'DELETE FROM due WHERE in_hand' })
    assert.equal((await take()).length, 1)
    assert.equal(await breakerOf(id), 'probing')
  })

  it('probing → open: the probe fails, and the next comes thirty seconds later', async () => {
    const id = await owed(20)
    await found(id, 10, { failed: true })
    await probeIsDue()
    await endAll(await take())
    await found(id, 1, { failed: true })
    assert.equal(await breakerOf(id), 'open')
    const [row] = await bench.db().query<{ seconds: number }>({
      text: 'SELECT extract(epoch FROM probe_at - now())::float8 AS seconds FROM webhook_health',
    })
    assert.ok(row && row.seconds > 20 && row.seconds <= 30, `${row?.seconds}`)
    assert.deepEqual(await take(), [])
  })

  it('probing → ramping → closed: one, two, four, and all of the cap again', async () => {
    const id = await owed(100)
    await found(id, 10, { failed: true })
    await probeIsDue()
    await endAll(await take())
    await found(id, 1, { failed: false })
    for (const step of [1, 2, 4]) {
      assert.equal(await breakerOf(id), 'ramping')
      const fed = await take()
      assert.equal(fed.length, step)
      assert.deepEqual(await take(), [])
      await endAll(fed)
      await found(id, step, { failed: false })
    }
    assert.equal(await breakerOf(id), 'closed')
    assert.equal((await take()).length, 8)
    assert.deepEqual(await listHealth(bench.db()), [])
  })

  it('ramping → open: a failure at one in flight', async () => {
    const id = await owed(20)
    await found(id, 10, { failed: true })
    await found(id, 1, { failed: false })
    assert.equal(await breakerOf(id), 'ramping')
    await found(id, 1, { failed: true })
    assert.equal(await breakerOf(id), 'open')
  })

  it('adds up what several workers found, and none deadlocks with another', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => owed(0)))
    const workers = Array.from({ length: 10 }, newWorker)
    for (const worker of workers) for (const id of ids) worker.note(id, { failed: true })
    await Promise.all(workers.map((worker) => worker.store()))
    for (const id of ids) assert.equal(await breakerOf(id), 'open')
  })

  it('feeds tests and manual retries all the same, up to the cap', async () => {
    const id = await owed(20)
    await found(id, 10, { failed: true })
    const rows = await bench.db().query<{ delivery_id: string }>({ text: 'SELECT delivery_id FROM due LIMIT 10' })
    for (const { delivery_id } of rows)
      await bench.db().transaction((sql) => retryDelivery(sql, { id, active: true }, delivery_id))
    const fed = await take()
    assert.equal(fed.length, 8)
    const asked = new Set(rows.map((row) => row.delivery_id))
    assert.ok(fed.every(({ deliveryId }) => asked.has(deliveryId)))
    assert.deepEqual(await take(), [])
    assert.equal(await breakerOf(id), 'open')
  })

  it('is forgotten when its webhook is gone or has been well for long', async () => {
    const [gone, quiet, failing] = [await owed(0), await owed(0), await owed(0)]
    await found(gone, 10, { failed: true })
    await found(quiet, 1, { failed: true })
    await found(failing, 10, { failed: true })
    await bench.db().query({ text: 'DELETE FROM webhooks WHERE id = $1', values: [gone] })
    await bench.db().query({ text: "UPDATE webhook_health SET updated_at = now() - interval '11 minutes'" })
    await forgetStaleHealth(bench.db())
    assert.deepEqual(
      (await listHealth(bench.db())).map(({ webhook_id }) => webhook_id),
      [failing],
    )
  })
})

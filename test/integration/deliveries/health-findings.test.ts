import assert from 'node:assert/strict'
import { openFeederBench } from '../../support/feeder-bench.ts'

describe('what a worker finds out about webhooks', () => {
  const bench = openFeederBench()
  const { newWorker, owed, found, breakerOf } = bench

  it('stores nothing of quick successes', async () => {
    const id = await owed(1)
    const worker = newWorker()
    worker.note(id, { failed: false, slow: false })
    assert.equal(await worker.store(), false)
  })

  it('keeps what it could not store for the next time', async () => {
    const id = await owed(1)
    const worker = newWorker()
    for (let times = 0; times < 10; times += 1) worker.note(id, { failed: true })
    await bench.db().query({ text: 'ALTER TABLE webhook_health RENAME TO away' })
    await assert.rejects(worker.store())
    await bench.db().query({ text: 'ALTER TABLE away RENAME TO webhook_health' })
    bench.pass(1_000)
    assert.equal(await worker.store(), true)
    assert.equal(await breakerOf(id), 'open')
  })

  it('tells how many webhooks are in each state', async () => {
    await found(await owed(0), 10, { failed: true })
    await found(await owed(0), 1, { failed: true })
    await found(await owed(0), 20, { slow: true })
    await newWorker().read()
    assert.deepEqual(bench.counts(), { closed: 2, open: 1, probing: 0, ramping: 0, slow: 1 })
  })
})

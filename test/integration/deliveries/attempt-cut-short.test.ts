import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { createSecretBox } from '../../../src/db/secret-box.ts'
import { makeAttempt } from '../../../src/deliveries/make-attempt.ts'
import { eventually } from '../../support/eventually.ts'
import { answer, openAttemptBench } from '../../support/work-attempt-bench.ts'

const never = new AbortController().signal

describe('an attempt that is cut short', () => {
  const bench = openAttemptBench()

  it('is recorded as superseded when another worker took over meanwhile, and changes nothing', async () => {
    let late: Socket | undefined
    const deliveryId = await bench.owedTo((socket, _, count) => {
      if (count === 1) late = socket
      else socket.write(answer(200))
    })
    const first = bench.make(deliveryId, 1)
    await eventually(() => late !== undefined)
    await bench.expireLease()
    const other = bench.newWorker('two')
    assert.equal((await makeAttempt(other.deps, { deliveryId, attempt: 2 }, never))?.status, 'success')
    late?.write(answer(500))
    assert.equal((await first)?.recorded, false)
    assert.deepEqual(await bench.statuses(deliveryId), ['superseded', 'success'])
    assert.equal((await bench.shown(deliveryId)).status, 'success')
  })

  it('does not take over from itself: an attempt still on its way keeps its number and its lease', async () => {
    let late: Socket | undefined
    const deliveryId = await bench.owedTo((socket) => (late = socket))
    const first = bench.make(deliveryId, 1)
    await eventually(() => late !== undefined)
    await bench.expireLease()
    assert.equal(await bench.make(deliveryId, 2), null)
    await bench.worker().leases.renew()
    assert.equal((await bench.shown(deliveryId)).status, 'delivering')
    late?.write(answer(200))
    assert.equal((await first)?.recorded, true)
    assert.deepEqual(await bench.statuses(deliveryId), ['success'])
  })

  it('sends nothing once its lease has run out, and spends no attempt', async () => {
    const receiver = await bench.rawReceiver((socket) => socket.write(answer(200)))
    const deliveryId = await bench.owedTo(receiver, { maxAttempts: 1 })
    const { claim } = bench.worker().deps
    const stopped = bench.newWorker('one', {
      claim: async (job) => {
        const claimed = await claim(job)
        return claimed && { ...claimed, leaseEnds: performance.now() + 400 }
      },
    })
    const attempted = await makeAttempt(stopped.deps, { deliveryId, attempt: 1 }, never)
    assert.deepEqual([attempted?.status, attempted?.recorded], ['aborted', true])
    assert.equal(receiver.accepted(), 0)
    assert.equal((await bench.make(deliveryId, 2))?.status, 'success')
    assert.deepEqual(await bench.statuses(deliveryId), ['aborted', 'success'])
  })

  it('is aborted when the worker must stop, and spends no attempt', async () => {
    const stop = new AbortController()
    const receiver = await bench.rawReceiver((socket, _, count) => {
      if (count === 1) stop.abort()
      else socket.write(answer(200))
    })
    const deliveryId = await bench.owedTo(receiver, { maxAttempts: 1 })
    const attempted = await bench.make(deliveryId, 1, stop.signal)
    assert.deepEqual([attempted?.status, attempted?.error], ['aborted', 'aborted'])
    assert.deepEqual(
      [(await bench.shown(deliveryId)).status, (await bench.shown(deliveryId)).max_attempts],
      ['pending', 2],
    )
    assert.equal((await bench.make(deliveryId, 2))?.status, 'success')
  })

  it('fails as internal, and comes back, when the webhook’s secret cannot be opened here', async () => {
    const receiver = await bench.rawReceiver((socket) => socket.write(answer(200)))
    const deliveryId = await bench.owedTo(receiver)
    const keyless = bench.newWorker('one', { secrets: createSecretBox([{ id: 'other', key: randomBytes(32) }]) })
    const attempted = await makeAttempt(keyless.deps, { deliveryId, attempt: 1 }, never)
    assert.deepEqual([attempted?.status, attempted?.error, attempted?.retryInMs], ['failed', 'internal', 1_000])
    assert.equal(keyless.errors.length, 1)
    assert.equal(receiver.accepted(), 0)
  })
})

import assert from 'node:assert/strict'
import type { DeliveryModel } from './delivery-model.ts'
import type { WorldState } from './delivery-world.ts'

const OPEN = ['pending', 'retrying']

/** The database is as the model says, and keeps the promises that need no model. */
export function assertSameState(expected: DeliveryModel, state: WorldState): void {
  assertPromises(state, expected.webhook === 'deleted')
  const deliveries = new Map(state.deliveries.map(({ id, status }) => [id, status]))
  assert.deepEqual(deliveries, new Map([...expected.deliveries].map(([id, { status }]) => [id, status])))
  for (const [id, delivery] of expected.deliveries) {
    const attempts = state.attempts.filter((attempt) => attempt.delivery === id)
    assert.deepEqual(
      attempts.map(({ status, worker }) => ({ status, worker })),
      delivery.attempts,
    )
    const row = state.due.find((due) => due.delivery === id) ?? null
    const { open } = delivery
    assert.deepEqual(
      row && { attempt: row.attempt, max: row.max, unknowns: row.unknowns, worker: row.worker, leased: row.leased },
      open && {
        attempt: open.attempt,
        max: open.max,
        unknowns: open.unknowns,
        worker: open.worker,
        leased: open.lease === 'live',
      },
    )
  }
  assert.deepEqual(state.stats, expected.webhook === 'deleted' ? null : expected.counters)
}

function assertPromises({ deliveries, attempts, due, stats }: WorldState, deleted: boolean): void {
  assert.equal(new Set(deliveries.map(({ event }) => event)).size, deliveries.length, 'one delivery for each pair')
  for (const { id, status, attempt: last } of deliveries) {
    const numbers = attempts.filter(({ delivery }) => delivery === id).map(({ attempt }) => attempt)
    assert.deepEqual(
      numbers,
      Array.from(numbers, (_, index) => index + 1),
      'attempts are numbered without a gap',
    )
    const work = due.filter(({ delivery }) => delivery === id)
    assert.equal(work.length, OPEN.includes(status) ? 1 : 0, 'open work if and only if it is open')
    assert.ok(last <= numbers.length, 'no attempt is shown that was not made')
  }
  const count = (status: string) => deliveries.filter((delivery) => delivery.status === status).length
  const [success_count, failure_count] = [count('success'), count('failed')]
  const counted = { delivery_count: success_count + failure_count, success_count, failure_count }
  if (!deleted) assert.deepEqual(stats, counted, 'the counters are those of the log')
}

import assert from 'node:assert/strict'
import { findLosses, type Ledgers } from '../../support/ledgers.ts'

describe('the comparison of the ledgers', () => {
  it('finds nothing in a run where every promise was kept', () => {
    assert.deepEqual(findLosses(keptPromises()), [])
  })

  const mutations: [string, (ledgers: Mutable) => void][] = [
    ['an acknowledged event that is not stored', ({ database }) => database.events.pop()],
    ['an event without its delivery', ({ database }) => database.deliveries.pop()],
    ['an event with two deliveries', ({ database }) => database.deliveries.push({ ...delivery(1), id: 'dlv_9' })],
    [
      'a delivery that is still open',
      ({ database }) => Object.assign(at(database.deliveries, 0), { status: 'retrying' }),
    ],
    [
      'a hole in the numbers of the attempts',
      ({ database }) => Object.assign(at(database.attempts, 1), { attempt: 3 }),
    ],
    ['an attempt that is not logged', ({ database }) => database.attempts.pop()],
    ['an attempt without an end', ({ database }) => Object.assign(at(database.attempts, 0), { status: 'started' })],
    ['an answer that nobody gave', ({ arrivals }) => arrivals.pop()],
    ['a signature that does not fit', ({ arrivals }) => Object.assign(at(arrivals, 0), { verified: false })],
    ['a success that arrived twice', ({ arrivals }) => arrivals.push({ ...at(arrivals, 1) })],
    [
      'a success without a successful attempt',
      ({ database }) => Object.assign(at(database.attempts, 1), { status: 'failed', responseCode: 500 }),
    ],
    ['work that is left', ({ database }) => Object.assign(database, { open: 1 })],
  ]
  for (const [loss, mutate] of mutations) {
    it(`finds ${loss}`, () => {
      const ledgers = keptPromises()
      mutate(ledgers)
      assert.notEqual(findLosses(ledgers).length, 0)
    })
  }

  it('allows as many duplicates as the faults may have made', () => {
    const ledgers = { ...keptPromises(), duplicatesAllowed: 1 }
    ledgers.arrivals.push({ ...at(ledgers.arrivals, 1) })
    assert.deepEqual(findLosses(ledgers), [])
  })
})

type Mutable = ReturnType<typeof keptPromises>

/** Two events to one webhook; the first needed two attempts. */
function keptPromises() {
  return {
    acknowledged: ['evt_1', 'evt_2'],
    webhooks: ['wh_1'],
    duplicatesAllowed: 0,
    arrivals: [arrival(1, 1, 500), arrival(1, 2, 200), arrival(2, 1, 200)],
    database: {
      events: ['evt_1', 'evt_2'],
      deliveries: [{ ...delivery(1), attempts: 2 }, delivery(2)],
      attempts: [attempt(1, 1, 500), attempt(1, 2, 200), attempt(2, 1, 200)],
      open: 0,
    },
  } satisfies Ledgers
}

function delivery(number: number) {
  return { id: `dlv_${number}`, event: `evt_${number}`, webhook: 'wh_1', status: 'success', attempts: 1 }
}

function attempt(number: number, count: number, responseCode: number) {
  const status = responseCode < 300 ? 'success' : 'failed'
  return { delivery: `dlv_${number}`, attempt: count, status, responseCode }
}

function arrival(number: number, count: number, status: number) {
  return { delivery: `dlv_${number}`, event: `evt_${number}`, attempt: count, verified: true, status }
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index]
  if (item === undefined) throw new Error(`There is no item ${index}`)
  return item
}

import assert from 'node:assert/strict'
import { compareLedgers, type Ledgers } from '../../support/ledgers.ts'

describe('the comparison of the ledgers', () => {
  it('finds nothing in a run where every promise was kept', () => {
    const { losses, ...figures } = compareLedgers(keptPromises())
    assert.deepEqual(losses, [])
    assert.deepEqual(figures, { accepted: 2, delivered: 2, duplicates: 0, duplicatesAllowed: 0, unlogged: 0 })
  })

  const mutations: [name: string, mutate: (ledgers: Mutable) => void, loss: string][] = [
    [
      'an acknowledged event that is not stored',
      ({ producer }) => producer.push({ submission: 's3', event: 'evt_3' }),
      'evt_3 was acknowledged and is not stored',
    ],
    [
      'an event without its delivery',
      ({ database }) => database.events.push({ id: 'evt_3', submission: 's3' }),
      'evt_3 has 0 deliveries to wh_1',
    ],
    [
      'an event with two deliveries',
      ({ database }) => Object.assign(at(database.deliveries, 1), { event: 'evt_1' }),
      'evt_1 has 2 deliveries to wh_1',
    ],
    [
      'a delivery that is still open',
      ({ database }) => Object.assign(at(database.deliveries, 0), { status: 'retrying' }),
      'dlv_1 is retrying',
    ],
    [
      'a delivery that was given up too early',
      ({ database }) => Object.assign(at(database.deliveries, 0), { status: 'failed' }),
      'dlv_1 was given up after 1 of 3 attempts',
    ],
    [
      'a gap in the numbers of the attempts',
      ({ database }) => Object.assign(at(database.attempts, 1), { attempt: 3 }),
      'dlv_1 has attempts 1,3',
    ],
    [
      'a number that was given twice',
      ({ database }) => Object.assign(at(database.attempts, 1), { attempt: 1 }),
      'dlv_1 has attempts 1,1',
    ],
    [
      'an attempt that arrived and is not logged',
      ({ database }) => database.attempts.pop(),
      'dlv_2 1 arrived and is not logged',
    ],
    ['an answer that nobody gave', ({ receiver }) => receiver.pop(), 'dlv_2 1 200 is logged and was not answered'],
    [
      'another answer than the one that was given',
      ({ database }) => Object.assign(at(database.attempts, 0), { responseCode: 503 }),
      'dlv_1 1 503 is logged and was not answered',
    ],
    [
      'an attempt without an end',
      ({ database }) => Object.assign(at(database.attempts, 0), { status: 'started' }),
      'dlv_1 has an attempt without an end',
    ],
    [
      'a success without a successful attempt',
      ({ database }) => Object.assign(at(database.attempts, 1), { status: 'unknown' }),
      'dlv_1 has 0 successful attempts',
    ],
    [
      'a signature that does not fit',
      ({ receiver }) => Object.assign(at(receiver, 0), { verified: false }),
      'dlv_1 1 arrived with a bad signature',
    ],
    [
      'a success that arrived twice',
      ({ receiver, database }) => {
        receiver.push({ ...at(receiver, 2), attempt: 2 })
        database.attempts.push({ ...at(database.attempts, 2), attempt: 2, status: 'superseded' })
      },
      '1 duplicates, allowed 0',
    ],
    [
      'one number that arrived twice',
      ({ receiver }) => receiver.push({ ...at(receiver, 0) }),
      'dlv_1 1 arrived 2 times under one number',
    ],
    [
      'a submission that was stored twice',
      ({ database }) => Object.assign(at(database.events, 1), { submission: 's1' }),
      's1 is stored 2 times',
    ],
    [
      'two answers to one submission',
      ({ producer }) => producer.push({ submission: 's1', event: 'evt_2' }),
      's1 was answered with evt_1 and with evt_2',
    ],
    [
      'counters that differ from the log',
      ({ database }) => Object.assign(at(database.counters, 0), { successes: 1 }),
      'wh_1 counts 1 of 2 and has 2 of 2',
    ],
    ['work that is left', ({ database }) => Object.assign(database, { open: 1 }), '1 deliveries are still open'],
    [
      'a stream that was not told',
      ({ database }) => Object.assign(database, { unannounced: 3 }),
      '3 events are still not announced',
    ],
  ]
  for (const [name, mutate, loss] of mutations) {
    it(`finds ${name}`, () => {
      const ledgers = keptPromises()
      mutate(ledgers)
      assert.ok(compareLedgers(ledgers).losses.includes(loss), String(compareLedgers(ledgers).losses))
    })
  }

  it('allows as many duplicates as the kills may have made, and no more', () => {
    const ledgers = keptPromises()
    const faults = [{ at: 0, what: 'a worker was killed', kills: 1 }]
    for (const attempt of [2, 3, 4]) {
      ledgers.receiver.push({ ...at(ledgers.receiver, 2), attempt })
      ledgers.database.attempts.push({ ...at(ledgers.database.attempts, 2), attempt, status: 'unknown' })
    }
    Object.assign(at(ledgers.database.deliveries, 1), { attempts: 4 })
    assert.deepEqual(compareLedgers({ ...ledgers, faults, concurrency: 3 }).losses, [])
    assert.deepEqual(compareLedgers({ ...ledgers, faults, concurrency: 2 }).losses, ['3 duplicates, allowed 2'])
  })
})

type Mutable = ReturnType<typeof keptPromises>

/** Two events to one webhook; the first needed two attempts. */
function keptPromises() {
  return {
    producer: [
      { submission: 's1', event: 'evt_1' },
      { submission: 's2', event: 'evt_2' },
    ],
    receiver: [arrival(1, 1, 500), arrival(1, 2, 200), arrival(2, 1, 200)],
    database: {
      events: [
        { id: 'evt_1', submission: 's1' },
        { id: 'evt_2', submission: 's2' },
      ],
      deliveries: [{ ...delivery(1), attempts: 2 }, delivery(2)],
      attempts: [attempt(1, 1, 500), attempt(1, 2, 200), attempt(2, 1, 200)],
      counters: [{ webhook: 'wh_1', deliveries: 2, successes: 2 }],
      open: 0,
      unannounced: 0,
    },
    faults: [],
    concurrency: 10,
    webhooks: ['wh_1'],
  } satisfies Ledgers
}

function delivery(number: number) {
  const event = `evt_${number}`
  return { id: `dlv_${number}`, event, webhook: 'wh_1', status: 'success', attempts: 1, maxAttempts: 3, error: null }
}

function attempt(number: number, count: number, responseCode: number) {
  const status = responseCode < 300 ? 'success' : 'failed'
  return { delivery: `dlv_${number}`, attempt: count, status, responseCode, worker: 'host:1:a', startedAt: 0 }
}

function arrival(number: number, count: number, status: number) {
  return { at: 0, delivery: `dlv_${number}`, attempt: count, verified: true, status }
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index]
  if (item === undefined) throw new Error(`There is no item ${index}`)
  return item
}

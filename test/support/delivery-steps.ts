import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ApiError } from '../../src/errors.ts'
import type { DeliveryModel, Ending, Held, Job } from './delivery-model.ts'
import * as model from './delivery-model.ts'
import { assertSameState } from './delivery-state.ts'
import { type DeliveryWorld, WORKERS } from './delivery-world.ts'
import { attemptResult } from './work-attempts.ts'

/** One thing that happens, to the model and to the database; afterwards both must be in the same state. */
class Step implements fc.AsyncCommand<DeliveryModel, DeliveryWorld> {
  readonly name: string
  readonly happen: (expected: DeliveryModel, world: DeliveryWorld) => Promise<void>

  constructor(name: string, happen: (expected: DeliveryModel, world: DeliveryWorld) => Promise<void>) {
    this.name = name
    this.happen = happen
  }

  check(): boolean {
    return true
  }

  async run(expected: DeliveryModel, world: DeliveryWorld): Promise<void> {
    await this.happen(expected, world)
    assertSameState(expected, await world.state())
  }

  toString(): string {
    return this.name
  }
}

const worker = fc.constantFrom(...WORKERS)
/** Names one of however many there are. */
const which = fc.nat(7)
const ending = fc.constantFrom<Ending>('success', 'success', 'failed', 'failed', 'failed', 'gone', 'aborted')

const claims = fc.tuple(which, worker, fc.boolean()).map(([at, who, again]) => {
  return new Step(`claim(${at}, ${who}${again ? ', job stays' : ''})`, (m, w) => claim(m, w, at, who, again))
})
const records = fc.tuple(which, ending, fc.boolean(), fc.boolean()).map(([at, how, soon, again]) => {
  const name = `record(${at}, ${how}, ${soon ? 'soon' : 'later'}${again ? ', and again' : ''})`
  return new Step(name, (m, w) => record(m, w, { at, how, soon, again }))
})
const accepts = fc.constant(new Step('accept', accept))
const feeds = fc.constant(new Step('feed', feed))
const losses = fc.tuple(which, worker, fc.constantFrom(1, 1, 1, 2, 6)).map(([at, who, times]) => {
  return new Step(`lose(${at}, ${who}, ${times} times)`, async (m, w) => {
    for (let time = 0; time < times; time += 1) await lose(m, w, at, who)
  })
})

/** Every way a delivery's state can change, those that things going wrong bring about among them; some often, some rarely. */
export const STEPS: fc.Arbitrary<Step>[] = [
  ...[accepts, accepts, feeds, feeds, feeds, claims, claims, claims, claims, records, records, records, records],
  ...[losses, losses],
  which.map((at) => new Step(`lease ends(${at})`, (m, w) => age(m, w, 'lease_until', at))),
  which.map((at) => new Step(`job is lost(${at})`, (m, w) => age(m, w, 'fed_until', at))),
  which.map((at) => new Step(`comes due(${at})`, (m, w) => age(m, w, 'due_at', at))),
  worker.map((who) => new Step(`renew(${who})`, (m, w) => renew(m, w, who))),
  worker.map((who) => new Step(`crash(${who})`, (m, w) => crash(m, w, who))),
  fc.constant(new Step('queue is wiped', async (expected) => void expected.jobs.splice(0))),
  which.map((at) => new Step(`retry(${at})`, (m, w) => retry(m, w, at))),
  fc.constantFrom(
    new Step('pause', (m, w) => setActive(m, w, false)),
    new Step('activate', (m, w) => setActive(m, w, true)),
    new Step('activate', (m, w) => setActive(m, w, true)),
    new Step('delete', remove),
  ),
]

async function accept(expected: DeliveryModel, world: DeliveryWorld): Promise<void> {
  const ids = await world.accept()
  assert.equal(ids.length, expected.webhook === 'active' ? 1 : 0)
  for (const id of ids) model.accepted(expected, id)
}

async function feed(expected: DeliveryModel, world: DeliveryWorld): Promise<void> {
  const fed = await world.feed()
  const byId = (a: Job, b: Job) => (a.deliveryId < b.deliveryId ? -1 : 1)
  assert.deepEqual(fed.sort(byId), model.feedable(expected).sort(byId))
  for (const { deliveryId } of fed) Object.assign(expected.deliveries.get(deliveryId)?.open ?? {}, { fed: 'live' })
  expected.jobs.push(...fed)
}

async function claim(expected: DeliveryModel, world: DeliveryWorld, at: number, who: string, again: boolean) {
  const job = expected.jobs[at % expected.jobs.length]
  if (!job) return
  if (!again) expected.jobs.splice(expected.jobs.indexOf(job), 1)
  const claimed = (await world.claim[who]?.(job)) ?? null
  const held = model.claim(expected, job, who)
  assert.deepEqual(
    claimed && [claimed.deliveryId, claimed.attempt, claimed.maxAttempts],
    held && [held.deliveryId, held.attempt, held.maxAttempts],
  )
  if (held) expected.held.push(held)
}

async function record(
  expected: DeliveryModel,
  world: DeliveryWorld,
  { at, how, soon, again }: { at: number; how: Ending; soon: boolean; again: boolean },
): Promise<void> {
  const held = expected.held[at % expected.held.length]
  if (!held) return
  if (!again) expected.held.splice(expected.held.indexOf(held), 1)
  const result = resultOf(held, how, soon)
  const counts = await world.record[held.worker]?.(result)
  assert.equal(counts, model.record(expected, held, result))
  assert.equal(await world.disableIfGone(), expected.gone && expected.webhook === 'active')
  if (expected.gone && expected.webhook === 'active') model.turnOff(expected, 'off')
}

function resultOf(held: Held, how: Ending, soon: boolean) {
  const delay = soon ? 0 : 3_600_000
  const status = how === 'gone' ? 'failed' : how
  const retryInMs = { success: null, gone: null, aborted: 0, failed: held.attempt < held.maxAttempts ? delay : null }[
    how
  ]
  const responseCode = how === 'gone' ? 410 : 200
  return attemptResult({ deliveryId: held.deliveryId, attempt: held.attempt, status, retryInMs, responseCode })
}

async function age(
  expected: DeliveryModel,
  world: DeliveryWorld,
  column: 'lease_until' | 'fed_until' | 'due_at',
  at: number,
) {
  const open = [...expected.deliveries].filter(([, delivery]) => delivery.open)
  const [id, delivery] = open[at % open.length] ?? []
  if (id === undefined || !delivery?.open) return
  await world.age(column, [id])
  if (column === 'due_at') delivery.open.due = true
  else if (column === 'lease_until' && delivery.open.lease === 'live') delivery.open.lease = 'over'
  else if (column === 'fed_until' && delivery.open.fed === 'live') delivery.open.fed = 'over'
}

async function renew(expected: DeliveryModel, world: DeliveryWorld, who: string): Promise<void> {
  const ids = expected.held.filter((held) => held.worker === who).map((held) => held.deliveryId)
  await world.renew(who, ids)
  for (const id of ids) {
    const open = expected.deliveries.get(id)?.open
    if (open?.worker === who) open.lease = 'live'
  }
}

/** A worker takes a delivery and nobody hears of it again, as long as it is the one of before. */
async function lose(expected: DeliveryModel, world: DeliveryWorld, at: number, who: string): Promise<void> {
  const all = [...expected.deliveries].filter(([, delivery]) => delivery.open)
  const [id, { open } = {}] = all[at % all.length] ?? []
  if (!open) return
  if (!open.due) await age(expected, world, 'due_at', at)
  if (open.lease === 'live') await age(expected, world, 'lease_until', at)
  if (open.fed === 'live') await age(expected, world, 'fed_until', at)
  await feed(expected, world)
  const index = expected.jobs.findLastIndex(({ deliveryId }) => deliveryId === id)
  if (index >= 0) await claim(expected, world, index, who, false)
}

/** Its attempts are never recorded, and its leases end by themselves. */
async function crash(expected: DeliveryModel, world: DeliveryWorld, who: string): Promise<void> {
  expected.held = expected.held.filter((held) => held.worker !== who)
  const leased = [...expected.deliveries].filter(([, { open }]) => open?.lease === 'live' && open.worker === who)
  await world.age(
    'lease_until',
    leased.map(([id]) => id),
  )
  for (const [, { open }] of leased) if (open) open.lease = 'over'
}

async function retry(expected: DeliveryModel, world: DeliveryWorld, at: number): Promise<void> {
  const ids = [...expected.deliveries.keys()]
  const id = ids[at % ids.length]
  if (id === undefined || expected.webhook === 'deleted') return
  const refused = await world.retry(id).then(
    () => 'done',
    (error: unknown) => (error instanceof ApiError ? error.code : String(error)),
  )
  const codes = { inactive: 'webhook_inactive', 'under way': 'attempt_under_way', done: 'done' }
  assert.equal(refused, codes[model.retry(expected, id)])
}

async function setActive(expected: DeliveryModel, world: DeliveryWorld, active: boolean): Promise<void> {
  if (expected.webhook === 'deleted') return
  await world.setActive(active)
  if (active) Object.assign(expected, { webhook: 'active', gone: false })
  else model.turnOff(expected, 'off')
}

async function remove(expected: DeliveryModel, world: DeliveryWorld): Promise<void> {
  if (expected.webhook === 'deleted') return
  await world.remove()
  model.turnOff(expected, 'deleted')
}

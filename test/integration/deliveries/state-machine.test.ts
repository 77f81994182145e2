import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { accepted, type DeliveryModel, newModel } from '../../support/delivery-model.ts'
import { STEPS } from '../../support/delivery-steps.ts'
import { openWorld } from '../../support/delivery-world.ts'

/** `npm run test:properties` makes ten thousand; here are some. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 60)
const isLong = RUNS > 100
/** Runs side by side, each on a database of its own, since a feeder takes whatever is due in it. */
const LANES = isLong ? 4 : 1
const MOST_STEPS = 40

describe('the state machine of a delivery', function () {
  if (isLong) this.timeout(0)
  const databases: TestDatabase[] = []
  before(async () => {
    for (let lane = 0; lane < LANES; lane += 1) databases.push(await createDatabase())
  })
  after(() => Promise.all(databases.map((database) => database.drop())))

  it('is that of the model, whatever happens in whatever order', async () => {
    const seen = new Map<string, number>()
    await Promise.all(databases.map((database) => checkLane(database, seen)))
    const wanted = ['delivery success', 'delivery failed', 'delivery canceled', 'delivery retrying', 'delivery pending']
    for (const status of ['started', 'success', 'failed', 'unknown', 'superseded', 'aborted'])
      wanted.push(`attempt ${status}`)
    for (const what of wanted) assert.ok(seen.has(what), `${what} never came about: ${[...seen.keys()]}`)
    if (isLong) console.log(Object.fromEntries([...seen].sort()))
  })
})

async function checkLane({ db }: TestDatabase, seen: Map<string, number>): Promise<void> {
  const commands = fc.commands(STEPS, { maxCommands: MOST_STEPS, size: 'max' })
  const property = fc.asyncProperty(commands, async (steps) => {
    const world = await openWorld(db)
    const model = newModel()
    for (const id of [...(await world.accept()), ...(await world.accept())]) accepted(model, id)
    try {
      await fc.asyncModelRun(() => ({ model, real: world }), steps)
      count(model, steps, seen)
    } finally {
      // The next run finds nothing to feed.
      if (model.webhook !== 'deleted') await world.remove()
    }
  })
  await fc.assert(property, { numRuns: Math.ceil(RUNS / LANES) })
}

/** What the runs came to, so that a property of nothing would show. */
function count(model: DeliveryModel, steps: Iterable<unknown>, seen: Map<string, number>): void {
  const add = (what: string, times = 1) => seen.set(what, (seen.get(what) ?? 0) + times)
  add('runs')
  add('steps', [...steps].length)
  for (const { status, attempts } of model.deliveries.values()) {
    add(`delivery ${status}`)
    const last = attempts.at(-1)
    if (status === 'failed' && last?.status === 'unknown') add('delivery failed as poison')
    for (const attempt of attempts) add(`attempt ${attempt.status}`)
  }
}

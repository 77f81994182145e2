import assert from 'node:assert/strict'
import { faults } from '../faults/list.ts'
import { readLedgers } from '../faults/run-fault.ts'
import { type Stage, setStage } from '../faults/stage.ts'
import { compareLedgers } from '../support/ledgers.ts'
import { type OwnPostgres, startOwnPostgres } from '../support/own-postgres.ts'

/** The short form of `npm run test:faults`: one system for all of these, one after the other, and no gate in seconds. */
const SHORT = [
  'worker-killed',
  'crash-after-commit',
  'crash-after-send',
  'redis-flushed',
  'redis-restarted-empty',
  'redis-full',
  'postgres-killed',
  'commit-reply-cut',
  'receivers-down',
  'one-key-in-parallel',
]

describe('the Procfile processes under faults', function () {
  this.timeout(300_000)

  let postgres: OwnPostgres
  let stage: Stage
  before(async () => {
    postgres = await startOwnPostgres()
    const order = { brief: true, workers: 2, settings: { BREAKER_PROBE_SECONDS: '2' } }
    stage = await setStage(postgres, { ...order, through: ['redis', 'postgres'] }, Math.random)
  })
  after(async () => {
    await stage?.close()
    await postgres?.stop()
  })

  for (const fault of faults.filter(({ name }) => SHORT.includes(name))) {
    it(`lose nothing: ${fault.what}`, async () => {
      const production = await stage.produce()
      await fault.inject(stage)
      await production.stop()
      await stage.crew.complete()
      await stage.receivers.behave({ answer: 200 })
      await stage.settled()
      const { losses } = compareLedgers(await readLedgers(stage))
      assert.deepEqual([...stage.log.takeComplaints(), ...losses.slice(0, 10)], [])
    })
  }
})

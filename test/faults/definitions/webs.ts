import { eventually } from '../../support/eventually.ts'
import type { Role } from '../crew.ts'
import { faketimeSettings } from '../faketime.ts'
import type { Fault } from '../fault.ts'
import type { Stage } from '../stage.ts'

const STOPS_WITHIN = 25
const COPIES = 20
const KEYS = 500

/** What happens to web processes, and to all of them. */
export const webFaults: Fault[] = [
  {
    name: 'web-killed',
    what: 'one of two webs `kill -9`, five times',
    stage: { webs: 2 },
    async inject(stage) {
      for (let kills = 0; kills < 5; kills += 1) {
        await stage.pause(0.5, 2)
        await stage.crew.kill('web')
        await stage.crew.complete()
      }
    },
  },
  {
    name: 'one-key-in-parallel',
    what: `${COPIES} parallel requests with one idempotency key, ${KEYS} times, at two webs`,
    stage: { webs: 2 },
    load: 'own',
    async inject(stage) {
      const production = await stage.produce({ rate: 25, requests: stage.brief ? KEYS / 10 : KEYS, copies: COPIES })
      await production.finished()
    },
    also({ told, ledgers }) {
      const { events } = ledgers.database
      const answered = told.promised.length === told.requests && events.length * COPIES === told.requests
      return answered ? [] : [`${told.requests} requests, ${told.promised.length} accepted, ${events.length} events`]
    },
  },
  {
    name: 'rolling-restart',
    what: 'rolling restart of two webs and two workers under load',
    stage: { webs: 2 },
    async inject(stage) {
      await stage.receivers.behave({ answer: 200, delayMs: 250 })
      for (const role of ['worker', 'web'] as const) {
        for (const program of stage.crew.running(role)) {
          await stage.crew.add(role)
          stage.log.note(`${role} told to stop`)
          const { exit, seconds } = await stage.crew.retire(program)
          stage.measured.set('resumed', Math.max(seconds, stage.measured.get('resumed') ?? 0))
          if (exit !== 0) stage.log.complain(`A ${role} ended with ${exit}: ${program.output().slice(-1_000)}`)
        }
      }
    },
    resume: { of: ({ measured }) => measured.get('resumed') ?? null, within: STOPS_WITHIN },
  },
  {
    name: 'clocks-wrong',
    what: 'web an hour slow, one worker an hour fast and one an hour slow',
    async inject(stage) {
      const olds = [...stage.crew.running('web'), ...stage.crew.running('worker')]
      await addWithClock(stage, 'web', '-1h')
      await addWithClock(stage, 'worker', '+1h')
      await addWithClock(stage, 'worker', '-1h')
      for (const program of olds) await stage.crew.retire(program)
      await stage.pause(5, 8)
    },
  },
]

async function addWithClock(stage: Stage, role: Role, offset: string): Promise<void> {
  stage.log.note(`a ${role} with its clock ${offset}`)
  const program = await stage.crew.add(role, faketimeSettings(offset))
  const says = () => program.output().includes('"clock.skewed')
  await eventually(says).catch(() => stage.log.complain(`The ${role} does not say that its clock is wrong`))
}

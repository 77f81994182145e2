import { setTimeout } from 'node:timers/promises'
import type { Fault } from '../fault.ts'
import { afterDeaths } from '../resume.ts'

/** So many attempts are always under way that a kill cuts some. */
const SLOW = { answer: 200, delayMs: 250, failEvery: 40 } as const
const KILLED_RESUMES_WITHIN = 15
const STOPS_WITHIN = 25

export const workerFaults: Fault[] = [
  {
    name: 'none',
    what: 'none: two workers, two webhooks, every 40th request answered 503',
    async inject(stage) {
      await stage.receivers.behave(SLOW)
      await stage.pause(5, 8)
    },
    also: ({ told }) =>
      told.unavailable + told.broken > 0 ? ['A producer was turned away although all was well'] : [],
  },
  {
    name: 'worker-killed',
    what: 'worker `kill -9` in the middle of requests',
    async inject(stage) {
      await stage.receivers.behave(SLOW)
      await stage.pause(1, 4)
      await stage.crew.kill('worker')
      await stage.pause(3, 5)
    },
    resume: { of: afterDeaths, within: KILLED_RESUMES_WITHIN },
  },
  {
    name: 'worker-killed-often',
    what: 'worker `kill -9` every 3 s for 60 s, each time another of two',
    async inject(stage) {
      await stage.receivers.behave(SLOW)
      for (let kills = 0; kills < 20; kills += 1) {
        await setTimeout(3_000)
        // The longest running one: who was just started is given the time to.
        await stage.crew.kill('worker')
      }
    },
    resume: { of: afterDeaths, within: KILLED_RESUMES_WITHIN },
  },
  {
    name: 'worker-poisoned',
    what: 'one delivery that kills its worker each time',
    stage: { webhooks: 1, workers: 1 },
    async inject(stage) {
      const text = 'poison'
      const settings = { NODE_ENV: 'test', CRASH_AT: `after_claim=${text}` }
      stage.crew.expectEnds(/^worker SIGKILL$/)
      await stage.crew.add('worker', settings, settings)
      for (const program of stage.crew.running('worker').slice(0, 1)) await stage.crew.retire(program)
      await stage.produce({ name: text, rate: 1, requests: 1 })
      const { db } = stage.system.database
      for (let waited = 0; waited < 120; waited += 1) {
        await setTimeout(1_000)
        const failed = await db.query({ text: `SELECT 1 FROM deliveries WHERE error = 'poison'` })
        if (failed.length > 0) return
      }
    },
    also({ ledgers }) {
      const failed = ledgers.database.deliveries.filter(({ status }) => status === 'failed')
      const guilty = ledgers.database.events.find(({ submission }) => submission.startsWith('poison'))
      const rightly = failed.length === 1 && failed[0]?.event === guilty?.id && failed[0]?.error === 'poison'
      return rightly ? [] : [`Failed as poison: ${JSON.stringify(failed.slice(0, 5))}, guilty is ${guilty?.id}`]
    },
  },
  {
    name: 'worker-stopped',
    what: 'worker SIGSTOP 45 s, then CONT',
    async inject(stage) {
      await stage.receivers.behave(SLOW)
      await stage.pause(1, 3)
      const [worker] = stage.crew.running('worker')
      stage.log.note('worker stopped', { kills: 1, pid: worker?.pid ?? 0 })
      await worker?.kill('SIGSTOP')
      await stage.lasting(45)
      stage.log.note('worker goes on')
      await worker?.kill('SIGCONT')
      await stage.pause(3, 5)
    },
    resume: { of: afterDeaths, within: KILLED_RESUMES_WITHIN },
  },
  {
    name: 'worker-told-to-stop',
    what: 'worker SIGTERM while one of its receivers hangs',
    async inject(stage) {
      await stage.receivers.behave({ receiver: 0, answer: 'hang' })
      await stage.pause(2, 4)
      const [worker] = stage.crew.running('worker')
      if (!worker) return
      stage.log.note('worker told to stop', { pid: worker.pid })
      const { exit, seconds } = await stage.crew.retire(worker)
      stage.log.note(`worker ended with ${exit} after ${seconds.toFixed(1)} s`)
      if (exit !== 0) stage.log.complain(`The worker ended with ${exit}`)
      stage.measured.set('resumed', seconds)
      await stage.receivers.behave({ receiver: 0, answer: 200 })
    },
    resume: { of: ({ measured }) => measured.get('resumed') ?? null, within: STOPS_WITHIN },
  },
]

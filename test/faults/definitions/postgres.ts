import { setTimeout } from 'node:timers/promises'
import type { Fault } from '../fault.ts'
import { measured, untilAllAttempt } from '../resume.ts'
import type { Stage } from '../stage.ts'

const BACK_RESUMES_WITHIN = 10
const SLOW = { answer: 200, delayMs: 250, failEvery: 40 } as const
/** What PostgreSQL ends an answer with outside of a transaction: ReadyForQuery, idle. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

export const postgresFaults: Fault[] = [
  {
    name: 'postgres-killed',
    what: 'PostgreSQL `kill -9`, back after 3 s',
    async inject(stage) {
      await stage.receivers.behave(SLOW)
      await stage.pause(1, 3)
      noteForAllWorkers(stage, 'PostgreSQL killed')
      await stage.postgres.kill()
      await stage.lasting(3)
      await stage.postgres.start()
      await untilAllAttempt(stage, stage.log.note('PostgreSQL is back'))
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
  },
  {
    name: 'postgres-hung',
    what: 'PostgreSQL hung (SIGSTOP 15 s)',
    async inject(stage) {
      await stage.receivers.behave(SLOW)
      await stage.pause(1, 3)
      noteForAllWorkers(stage, 'PostgreSQL hangs')
      stage.postgres.hang()
      await stage.lasting(15)
      stage.postgres.goOn()
      await untilAllAttempt(stage, stage.log.note('PostgreSQL goes on'))
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
  },
  {
    name: 'postgres-half-open',
    what: 'PostgreSQL behind a half-open link for 15 s',
    stage: { through: ['postgres'] },
    async inject(stage) {
      await stage.receivers.behave(SLOW)
      await stage.pause(1, 3)
      noteForAllWorkers(stage, 'the link to PostgreSQL goes silent')
      stage.proxies.postgres.goSilent()
      await stage.lasting(15)
      await stage.proxies.postgres.mend()
      await untilAllAttempt(stage, stage.log.note('new connections to PostgreSQL pass'))
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
  },
  {
    name: 'postgres-terminates',
    what: '`pg_terminate_backend` for one connection in three, at random, for 10 s',
    async inject(stage) {
      await stage.receivers.behave(SLOW)
      stage.log.note('connections to PostgreSQL are terminated', { kills: stage.crew.running('worker').length })
      const until = performance.now() + (stage.brief ? 3_000 : 10_000)
      while (performance.now() < until) {
        await stage.pause(0.05, 0.4)
        await stage.system.database.db.query({
          text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
                   AND application_name <> 'test' AND backend_type = 'client backend' AND random() < 0.33`,
        })
      }
      await untilAllAttempt(stage, stage.log.note('no more are terminated'))
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
  },
  {
    name: 'commit-reply-cut',
    what: 'the reply to COMMIT cut, 10 × each of accepting, claiming and recording',
    stage: { through: ['postgres'] },
    async inject(stage) {
      await stage.receivers.behave(SLOW)
      for (const statement of ['submissions-store', 'claim-start', 'record-results']) {
        await stage.pause(0.5, 1)
        stage.log.note(`replies to ${statement} cut`, { kills: statement === 'submissions-store' ? 0 : 1 })
        stage.proxies.postgres.cutReply({ request: statement, end: READY, times: 10 })
        for (let waited = 0; waited < 300 && stage.proxies.postgres.cutsLeft() > 0; waited += 1) await setTimeout(100)
        if (stage.proxies.postgres.cutsLeft() > 0) stage.log.complain(`Not all replies to ${statement} were cut`)
      }
      await untilAllAttempt(stage, stage.log.note('no more replies are cut'))
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
    also: ({ told }) => (told.unavailable + told.broken > 0 ? [] : ['No producer was left in doubt']),
  },
  {
    name: 'pool-exhausted',
    what: 'every connection of the API waits for a lock, three times 10 s',
    stage: { settings: { DATABASE_POOL: '4' } },
    async inject(stage) {
      for (let times = 0; times < 3; times += 1) {
        await stage.pause(0.5, 1.5)
        stage.log.note('idempotency_keys locked')
        const sleeps = stage.brief ? 1 : 5
        await stage.system.database.db.transaction(async (sql) => {
          await sql.query({ text: 'LOCK TABLE idempotency_keys IN ACCESS EXCLUSIVE MODE' })
          for (let slept = 0; slept < sleeps; slept += 1) await sql.query({ text: 'SELECT pg_sleep(2)' })
        })
      }
      await untilAllAttempt(stage, stage.log.note('nothing is locked'))
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
    also: ({ told }) => (told.unavailable > 0 ? [] : ['No producer was told to come again']),
  },
]

function noteForAllWorkers(stage: Stage, what: string): void {
  stage.log.note(what, { kills: stage.crew.running('worker').length })
}

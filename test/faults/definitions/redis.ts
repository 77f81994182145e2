import type { Fault } from '../fault.ts'
import { measured, untilAllAttempt, whatIsQueued } from '../resume.ts'
import type { Stage } from '../stage.ts'

const BACK_RESUMES_WITHIN = 10
const QUEUED_AGAIN_WITHIN = 30
/** Slow enough that jobs wait in the queue when it is lost. */
const SLOW = { answer: 200, delayMs: 250, failEvery: 40 } as const
/** Events come faster than they can be delivered. */
const peak = ({ brief }: Stage) => ({ rate: 20, batch: 50, requests: brief ? 15 : 60, name: 'peak' })
const CROWDED = { DELIVERY_CONCURRENCY: '10', DELIVERY_PER_WEBHOOK: '200' }

/** Whatever becomes of Redis, no attempt is repeated: its jobs only say what PostgreSQL may be asked for. */
export const redisFaults: Fault[] = [
  {
    name: 'redis-killed',
    what: 'Redis `kill -9` and restart, with what it had on disk',
    stage: { persistentRedis: true },
    inject: (stage) => restart(stage, 1),
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
    also: undisturbed,
  },
  {
    name: 'redis-restarted-empty',
    what: 'Redis `kill -9` and restart, empty',
    inject: (stage) => restart(stage, 1),
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
    also: undisturbed,
  },
  {
    name: 'redis-flushed',
    what: 'Redis `FLUSHALL` three times at the peak',
    stage: { settings: CROWDED },
    async inject(stage) {
      await stage.receivers.behave({ answer: 200, delayMs: 20 })
      await stage.produce(peak(stage))
      for (let times = 0; times < (stage.brief ? 1 : 3); times += 1) {
        await stage.pause(1, stage.brief ? 1.2 : 2.5)
        const { jobs, untilQueuedAgain } = await whatIsQueued(stage)
        const at = stage.log.note(`Redis flushed with ${jobs} jobs`)
        await stage.redis.flushAll()
        await untilQueuedAgain(at)
      }
    },
    resume: { of: measured, within: QUEUED_AGAIN_WITHIN },
    also: undisturbed,
  },
  {
    name: 'redis-down',
    what: 'Redis down 20 s',
    inject: (stage) => restart(stage, 20),
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
    also: undisturbed,
  },
  {
    name: 'redis-hung',
    what: 'Redis hung (SIGSTOP 15 s)',
    async inject(stage) {
      await stage.receivers.behave(SLOW)
      await stage.pause(1, 3)
      stage.log.note('Redis hangs')
      stage.redis.hang()
      await stage.lasting(15)
      stage.redis.goOn()
      await untilAllAttempt(stage, stage.log.note('Redis goes on'))
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
    also: undisturbed,
  },
  {
    name: 'redis-half-open',
    what: 'Redis behind a half-open link for 15 s: sent bytes vanish, and the old connections stay silent for ever',
    stage: { through: ['redis'] },
    async inject(stage) {
      await stage.receivers.behave(SLOW)
      await stage.pause(1, 3)
      stage.log.note('the link to Redis goes silent')
      stage.proxies.redis.goSilent()
      await stage.lasting(15)
      await stage.proxies.redis.mend()
      await untilAllAttempt(stage, stage.log.note('new connections to Redis pass'))
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
    also: undisturbed,
  },
  {
    name: 'redis-reset',
    what: 'connections to Redis reset five times, and five times in the middle of what a process sends',
    stage: { through: ['redis'], settings: CROWDED },
    async inject(stage) {
      const { redis } = stage.proxies
      await stage.produce(peak(stage))
      for (let times = 0; times < 5; times += 1) {
        await stage.pause(0.2, 0.8)
        stage.log.note('connections to Redis reset')
        redis.reset()
        await stage.pause(0.2, 0.8)
        stage.log.note('half of an addBulk passes')
        redis.cutRequest({ bytes: 8_000, times: 1 })
      }
      await stage.lasting(2)
      await redis.mend()
      await untilAllAttempt(stage, stage.log.note('the link to Redis is whole'))
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
    also: undisturbed,
  },
  {
    name: 'redis-full',
    what: 'Redis out of memory (`noeviction`) for 10 s at the peak',
    stage: { settings: CROWDED },
    async inject(stage) {
      await stage.produce(peak(stage))
      await stage.pause(1, 2)
      const used = await stage.redis.usedMemory()
      stage.log.note(`Redis has no more than the ${used} bytes it uses`)
      await stage.redis.limitMemory(used)
      await stage.lasting(10)
      await stage.redis.limitMemory(0)
      await untilAllAttempt(stage, stage.log.note('Redis has memory'))
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
    also: undisturbed,
  },
]

async function restart(stage: Stage, downSeconds: number): Promise<void> {
  await stage.receivers.behave(SLOW)
  await stage.pause(1, 3)
  stage.log.note('Redis killed')
  await stage.redis.kill()
  await stage.lasting(downSeconds)
  await stage.redis.restart()
  await untilAllAttempt(stage, stage.log.note('Redis is back'))
}

/** Producers do not notice. */
function undisturbed({ told }: Parameters<NonNullable<Fault['also']>>[0]): string[] {
  const { unavailable, broken } = told
  return unavailable + broken > 0 ? [`Producers got ${unavailable} × 503 and ${broken} × no answer`] : []
}

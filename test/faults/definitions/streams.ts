import type { Fault } from '../fault.ts'
import type { Stage, StageOrder } from '../stage.ts'
import { STREAM_SETTINGS, startStreamLoad } from '../stream-load.ts'

/** What is done again and again until all messages are published. */
function streamFault(
  name: string,
  what: string,
  order: StageOrder & { mayHaveGaps: boolean },
  happen: (stage: Stage) => Promise<void>,
): Fault {
  const { mayHaveGaps, ...stage } = order
  return {
    name: `streams-${name}`,
    what: `100,000 messages to 10 clients of two webs: ${what}`,
    stage: { webs: 2, workers: 1, ...stage, settings: STREAM_SETTINGS },
    async inject(stage) {
      const load = await startStreamLoad(stage)
      while (!load.isOver()) {
        await stage.pause(2, 6)
        await happen(stage)
      }
      await stage.crew.complete()
      await load.finish({ mayHaveGaps })
    },
  }
}

/** Every client has every message once and in order, or was told of the hole; where Redis kept its data there is none. */
export const streamFaults: Fault[] = [
  streamFault('webs-killed', 'a web `kill -9` again and again', { mayHaveGaps: false }, async (stage) => {
    await stage.crew.kill('web')
    await stage.crew.complete()
  }),
  streamFault('rolling-restart', 'rolling restarts', { mayHaveGaps: false }, async (stage) => {
    for (const program of stage.crew.running('web')) {
      await stage.crew.add('web')
      stage.log.note('web told to stop')
      const { exit } = await stage.crew.retire(program)
      if (exit !== 0) stage.log.complain(`A web ended with ${exit}`)
    }
  }),
  streamFault(
    'redis-cut',
    'the links to Redis cut for a second again and again',
    { mayHaveGaps: false, through: ['redis'] },
    async (stage) => {
      stage.log.note('links cut')
      await stage.proxies.redis.cut()
      await stage.lasting(1)
      await stage.proxies.redis.mend()
    },
  ),
  streamFault(
    'redis-restarted',
    'Redis `kill -9` and restart again and again, empty',
    { mayHaveGaps: true },
    async (stage) => {
      stage.log.note('Redis killed')
      await stage.redis.kill()
      await stage.lasting(1)
      await stage.redis.restart()
    },
  ),
]

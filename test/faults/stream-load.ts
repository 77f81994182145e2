import { setTimeout } from 'node:timers/promises'
import { eventually } from '../support/eventually.ts'
import type { Stage } from './stage.ts'
import { followStream } from './stream-follower.ts'

/** Messages on one stream while the fault goes on, and clients that must have them all. */
export interface StreamLoad {
  isOver(): boolean
  /** Resolves when every client has the last message; complains of what no client may see. */
  finish(rules: { mayHaveGaps: boolean }): Promise<void>
}

const MESSAGES = { whole: 100_000, brief: 4_000 }
const FOLLOWERS = 10
const BATCH = 100
const PAUSE_MS = 40
const AGAIN_MS = 100
/** All that is missed while clients are away must still be there. */
export const STREAM_SETTINGS = { STREAMS_ANONYMOUS: 'predictions', STREAMS_HISTORY_MESSAGES: '100000' }

export async function startStreamLoad(stage: Stage): Promise<StreamLoad> {
  const url = `ws://${stage.system.host}/ws/predictions/LOAD`
  const followers = Array.from({ length: FOLLOWERS }, (_, at) => followStream(url, `client ${at}`))
  const token = stage.system.token('feed', 'producer')
  const messages = stage.brief ? MESSAGES.brief : MESSAGES.whole
  // Those who have not joined yet do not miss what was before.
  await setTimeout(1_000)
  let isOver = false
  const publishing = (async () => {
    for (let n = 1; n <= messages; n += BATCH) {
      while (!(await publish(stage, token, n))) await setTimeout(AGAIN_MS)
      await setTimeout(PAUSE_MS)
    }
    isOver = true
  })()
  return {
    isOver: () => isOver,
    async finish({ mayHaveGaps }) {
      await publishing
      const haveAll = () => followers.every((follower) => follower.last() === messages)
      const arrived = eventually(haveAll, { timeoutMs: 120_000, everyMs: 200 })
      await arrived.catch(() => complainOfMissing(stage, messages, followers))
      await Promise.all(followers.map((follower) => follower.stop()))
      const gaps = followers.reduce((sum, follower) => sum + follower.gaps(), 0)
      stage.log.note(`${messages} messages to ${FOLLOWERS} clients, ${gaps} gaps told`)
      if (gaps > 0 && !mayHaveGaps) stage.log.complain(`${gaps} gaps, though the history had everything`)
      for (const complaint of followers.flatMap((follower) => follower.complaints())) stage.log.complain(complaint)
    },
  }
}

function complainOfMissing(stage: Stage, messages: number, followers: readonly { last(): number }[]): void {
  stage.log.complain(`Of ${messages} messages clients have ${followers.map((follower) => follower.last()).join(', ')}`)
}

async function publish(stage: Stage, token: string, from: number): Promise<boolean> {
  const messages = Array.from({ length: BATCH }, (_, index) => ({
    channel: 'predictions',
    symbol: 'LOAD',
    data: { predicted_price: 1, predicted_return: 0, confidence: 0.5, n: from + index },
  }))
  try {
    await stage.system.call('POST', '/api/v1/publish', token, { messages })
    return true
  } catch {
    return false
  }
}

import { CRASH_POINTS, type CrashPoint } from '../../../src/crash-points.ts'
import { eventually } from '../../support/eventually.ts'
import type { Role } from '../crew.ts'
import type { Fault } from '../fault.ts'
import { afterDeaths } from '../resume.ts'
import type { Stage } from '../stage.ts'

const PASSED_BY: Record<CrashPoint, Role> = {
  before_commit: 'web',
  after_commit: 'web',
  after_announce: 'web',
  after_take: 'worker',
  after_add: 'worker',
  before_claim: 'worker',
  after_claim: 'worker',
  after_send: 'worker',
  after_record: 'worker',
}
/** Those at which an attempt is under way. */
const CUTTING = new Set<CrashPoint>(['after_claim', 'after_send'])
const KILLED_RESUMES_WITHIN = 15
/** Under load many requests share one pass. */
const MOST_PASSES = 15
const CRASHES_WITHIN_MS = 90_000

export const crashFaults: Fault[] = CRASH_POINTS.map((point) => ({
  name: `crash-${point.replaceAll('_', '-')}`,
  what: `${PASSED_BY[point]} crashes at \`${point}\``,
  inject: (stage) => crashAt(stage, point),
  ...(CUTTING.has(point) ? { resume: { of: afterDeaths, within: KILLED_RESUMES_WITHIN } } : {}),
}))

/** At a random pass; who crashes is replaced by one that does not. */
async function crashAt(stage: Stage, point: CrashPoint): Promise<void> {
  const role = PASSED_BY[point]
  await stage.receivers.behave({ answer: 200, delayMs: 50 })
  stage.crew.expectEnds(new RegExp(`^${role} SIGKILL$`))
  const others = stage.crew.running(role)
  const pass = 1 + Math.floor(stage.random() * MOST_PASSES)
  stage.log.note(`a ${role} is to crash at pass ${pass} of ${point}`)
  // It may crash before it says that it runs.
  const settings = { NODE_ENV: 'test', CRASH_AT: `${point}:${pass}` }
  const crashed = () => stage.log.entries().some(({ what }) => what === `${role} ended with SIGKILL`)
  await stage.crew.add(role, settings).catch(() => undefined)
  // Producers keep their connections: only when the other web has gone do they come to this one.
  if (role === 'web') await Promise.all(others.map((program) => stage.crew.retire(program)))
  await eventually(crashed, { timeoutMs: CRASHES_WITHIN_MS }).catch(() =>
    stage.log.complain(`Nobody crashed at ${point}`),
  )
  await stage.pause(1, 2)
}

import { ENVIRONMENT_KEYS } from '../../environment.ts'
import { type Finding, warn } from './finding.ts'

const MOST_SLIPS = 2
/** Shorter names are near too many others. */
const SHORTEST = 8

/** Variables that nothing reads, but nearly: a name with a slip leaves the default in force without a word. */
export function checkNames(env: NodeJS.ProcessEnv): Finding[] {
  const unset = ENVIRONMENT_KEYS.filter((key) => key.length >= SHORTEST && !env[key])
  return Object.keys(env)
    .filter((name) => !ENVIRONMENT_KEYS.includes(name))
    .flatMap((name) => {
      const meant = unset.find((key) => slips(name, key) <= MOST_SLIPS)
      return meant === undefined ? [] : [warn(name, 'is read by nothing', `Is ${meant} meant?`)]
    })
}

/** Letters to add, drop or change (Levenshtein). */
function slips(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > MOST_SLIPS) return Number.POSITIVE_INFINITY
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1]
    for (const [column, other] of [...to].entries()) {
      const changed = (row[column] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(changed, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

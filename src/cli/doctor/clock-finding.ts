import { TOLERATED_MS } from '../../db/check-clock.ts'
import { type Finding, fail, ok } from './finding.ts'

export function clockFinding(store: string, behindMs: number): Finding {
  const about = `clock of ${store}`
  if (Math.abs(behindMs) <= TOLERATED_MS) return ok(about, 'agrees with the clock here')
  const direction = behindMs > 0 ? 'ahead of' : 'behind'
  const says = `${(Math.abs(behindMs) / 1000).toFixed(1)} s ${direction} the clock here`
  return fail(about, says, 'Let both machines follow NTP: receivers refuse signatures that are minutes off.')
}

import { publicId, uuidTime } from '../ids.ts'
import type { Recovery } from './recovery.ts'

/** What a webhook's owner sees of a recovery. */
export function presentRecovery(recovery: Recovery) {
  return {
    id: publicId('rcv', recovery.id),
    webhook_id: publicId('wh', recovery.webhook_id),
    recovers: recovery.recovers,
    since: recovery.since.toISOString(),
    until: recovery.until.toISOString(),
    status: recovery.status,
    position: positionOf(recovery).toISOString(),
    progress: progressOf(recovery),
    recovered: recovery.recovered,
    skipped: recovery.skipped,
    reason: recovery.reason,
    created_at: recovery.created_at.toISOString(),
    updated_at: recovery.updated_at.toISOString(),
    finished_at: recovery.finished_at?.toISOString() ?? null,
  }
}

/** The time up to which the span is done. */
function positionOf(recovery: Recovery): Date {
  return recovery.status === 'completed' ? recovery.until : new Date(uuidTime(recovery.position))
}

/** The share of the span's time that is done: counting its deliveries would cost as much as recovering them. */
function progressOf(recovery: Recovery): number {
  const done = positionOf(recovery).getTime() - recovery.since.getTime()
  return Math.floor((1000 * done) / (recovery.until.getTime() - recovery.since.getTime())) / 1000
}

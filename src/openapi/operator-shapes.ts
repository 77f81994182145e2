import { z } from 'zod'
import { ACTIONS } from '../audit/record-change.ts'
import { ROLES } from '../identity/principal.ts'
import { id, named, nextCursor, time } from './shape.ts'

const change = z.strictObject({ from: z.unknown().optional(), to: z.unknown().optional() })
export const AuditEntry = named(
  'AuditEntry',
  z.strictObject({
    id: id('aud'),
    created_at: time,
    action: z.enum(ACTIONS),
    target: z.string().describe('The id of what was changed.'),
    user_id: z.string().describe('Whose it is.'),
    actor: z
      .strictObject({
        user_id: z.string().nullable(),
        role: z.enum(ROLES),
        via: z.enum(['jwt', 'api_key', 'ticket']).nullable(),
        key_id: id('key').nullable(),
      })
      .nullable()
      .describe('Null when the system did it by itself.'),
    address: z.string().nullable(),
    request_id: z.string().nullable(),
    changes: z.record(z.string(), change).describe('By field; never a secret.'),
  }),
)
export const AuditPage = named('AuditPage', z.strictObject({ entries: z.array(AuditEntry), next_cursor: nextCursor }))

const count = z.int()
const ms = z.number().nullable()
export const Overview = named(
  'Overview',
  z.strictObject({
    timestamp: time,
    open_deliveries: count,
    oldest_due_seconds: z.number(),
    lanes_waiting: z.record(z.string(), count.nullable()).describe('Jobs by lane; null when the queue did not answer.'),
    breakers: z.strictObject({ open: count, probing: count, ramping: count }),
    slow_webhooks: count,
    attempts: z
      .strictObject({
        per_second: z.number(),
        sample: count,
        succeeded: count,
        failed: count,
        p50_ms: ms,
        p95_ms: ms,
        p99_ms: ms,
        first_delay_p50_ms: ms,
        first_delay_p95_ms: ms,
      })
      .describe('Of the newest attempts.'),
    process: z
      .strictObject({
        id: z.string(),
        started_at: time,
        sockets: z.number(),
        streams: z.number(),
        events: z.number(),
        deliveries: z.number(),
        messages: z.number(),
        requests: z.number(),
      })
      .describe('Of the process that answers, since its start.'),
  }),
)

export const SignedIn = named('SignedIn', z.strictObject({ token: z.string(), expires_at: time }))

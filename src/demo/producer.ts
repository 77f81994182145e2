import { Pool } from 'undici'
import type { Logger } from '../telemetry/log.ts'
import type { NewEvent, StreamMessage } from './announcements.ts'
import { pause } from './pause.ts'

/** `refused` is a 4xx that would be refused again; `stopped` means the producer was closed meanwhile. */
export type Sent = 'accepted' | 'refused' | 'stopped'

export interface Producer {
  publish(messages: readonly StreamMessage[]): Promise<Sent>
  /** The key makes a repeat after a lost answer harmless. */
  publishEvent(event: NewEvent, idempotencyKey: string): Promise<Sent>
  close(): Promise<void>
}

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 30_000
const ANSWER_WITHIN_MS = 10_000
/** 401 because a token may have just run out: `token()` is asked again. */
const WORTH_REPEATING = new Set([401, 408, 429])

/** Publishes through the public API as any producer would: one connection, in order, waiting while it is told to. */
export function createProducer(deps: { baseUrl: string; token: () => string; log: Logger }): Producer {
  const pool = new Pool(new URL(deps.baseUrl).origin, { connections: 1, pipelining: 1 })
  const stopping = new AbortController()
  return {
    publish: (messages) => post('/api/v1/publish', { messages }, {}),
    publishEvent: (event, key) => post('/api/v1/events', event, { 'idempotency-key': key }),
    async close() {
      stopping.abort()
      await pool.destroy()
    },
  }

  async function post(path: string, body: unknown, headers: Record<string, string>): Promise<Sent> {
    const text = JSON.stringify(body)
    for (let failures = 0; !stopping.signal.aborted; failures += 1) {
      const answer = await tryOnce(path, text, headers)
      if (answer.kind === 'accepted') {
        if (failures > 0) deps.log.info({ path, failures }, 'demo.resumed')
        return 'accepted'
      }
      if (answer.kind === 'refused') {
        deps.log.warn({ path, status: answer.status, answer: answer.text }, 'demo.refused')
        return 'refused'
      }
      if (stopping.signal.aborted) break
      const waitMs = Math.max(Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS), answer.retryAfterMs)
      deps.log[failures === 3 ? 'warn' : 'debug']({ path, reason: answer.reason, wait_ms: waitMs }, 'demo.waiting')
      await pause(waitMs, stopping.signal)
    }
    return 'stopped'
  }

  async function tryOnce(path: string, body: string, headers: Record<string, string>): Promise<Answer> {
    try {
      const response = await pool.request({
        path,
        method: 'POST',
        headers: { authorization: `Bearer ${deps.token()}`, 'content-type': 'application/json', ...headers },
        body,
        headersTimeout: ANSWER_WITHIN_MS,
        bodyTimeout: ANSWER_WITHIN_MS,
        signal: stopping.signal,
      })
      const status = response.statusCode
      const text = await response.body.text()
      if (status < 300) return { kind: 'accepted' }
      if (status < 500 && !WORTH_REPEATING.has(status)) return { kind: 'refused', status, text: text.slice(0, 500) }
      const after = response.headers['retry-after']
      return { kind: 'later', reason: `status ${status}`, retryAfterMs: retryAfterMs(String(after ?? ''), Date.now()) }
    } catch (error) {
      const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      return { kind: 'later', reason, retryAfterMs: 0 }
    }
  }
}

type Answer =
  | { kind: 'accepted' }
  | { kind: 'refused'; status: number; text: string }
  | { kind: 'later'; reason: string; retryAfterMs: number }

/** RFC 9110: seconds or a date; 0 when absent or not readable. */
function retryAfterMs(text: string, now: number): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const at = Date.parse(text)
  return Number.isNaN(at) ? 0 : Math.max(0, at - now)
}

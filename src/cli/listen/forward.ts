import { setTimeout } from 'node:timers/promises'
import { request } from 'undici'
import { version } from '../../config.ts'
import { signedHeaders } from '../../webhooks/signature.ts'
import type { SignatureStyle } from '../../webhooks/webhook.ts'
import type { Item } from './follower.ts'

/** A delivery to make here. */
export interface Forwardable extends Item {
  /** `dlv_…` */
  id: string
  eventId: string
  eventType: string
  /** The canonical text. */
  body: string
  test: boolean
}

export interface Forwarded {
  status: number | null
  error: string | null
  durationMs: number
}

/** As long as a real attempt may take. */
const ANSWER_MS = 15_000
/** A server that is being restarted is waited for. */
const RESTART_PAUSES_MS = [250, 500, 1_000, 2_000, 4_000]

/** Posts it with the headers that the real webhook would get, signed with the secret of this listener. */
export async function forward(
  to: {
    url: string
    secret: string
    style: SignatureStyle
    signal: AbortSignal
    /** Nobody listens there. */
    onWait: () => void
  },
  item: Forwardable,
): Promise<Forwarded> {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await post(to, item, attempt)
    const pause = RESTART_PAUSES_MS[attempt - 1]
    if (outcome.error !== 'connection refused' || pause === undefined || to.signal.aborted) return outcome
    if (attempt === 1) to.onWait()
    await setTimeout(pause, undefined, { signal: to.signal }).catch(() => undefined)
  }
}

async function post(
  { url, secret, style, signal }: Parameters<typeof forward>[0],
  { id, eventType, body, test }: Forwardable,
  attempt: number,
): Promise<Forwarded> {
  const headers = signedHeaders({
    ...{ deliveryId: id, eventType, attempt, secret, canonical: body, style, test },
    ...{ at: new Date(), version: version() },
  })
  const begun = performance.now()
  const outcome = (status: number | null, error: string | null) => ({
    ...{ status, error, durationMs: Math.round(performance.now() - begun) },
  })
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)])
    // Unlike fetch it knows no ports that are forbidden.
    const response = await request(url, { method: 'POST', headers, body, signal: limit })
    await response.body.dump()
    return outcome(response.statusCode, null)
  } catch (error) {
    return outcome(null, reasonOf(error))
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `no answer within ${ANSWER_MS / 1000} s`
  if (error.name === 'AbortError') return 'stopped'
  const code = 'code' in error ? String(error.code) : ''
  return code === 'ECONNREFUSED' ? 'connection refused' : code || error.message
}

import { setTimeout } from 'node:timers/promises'
import { crashPoint } from '../crash-points.ts'
import type { SecretBox } from '../db/secret-box.ts'
import { ApiError } from '../errors.ts'
import { publicId } from '../ids.ts'
import { signedHeaders } from '../webhooks/signature.ts'
import type { Claim, ClaimAttempt, ClaimedAttempt } from './claim.ts'
import type { Leases } from './leases.ts'
import { customSecrets, maskCustom, maskEchoes } from './mask-headers.ts'
import type { AttemptResult, RecordAttempt } from './record.ts'
import { parseRetryAfter, type RetryPolicy, retryDelay } from './retry-policy.ts'
import { type Outcome, type Sender, transportHeaders } from './send.ts'
import type { AttemptTrace } from './trace-attempt.ts'

export interface AttemptDeps {
  claim: ClaimAttempt
  record: RecordAttempt
  leases: Pick<Leases, 'hold' | 'release' | 'holds'>
  sender: Pick<Sender, 'send'>
  secrets: SecretBox
  retry: RetryPolicy
  timeoutMs: number
  version: string
  random: () => number
  /** Present when somebody traces. */
  traces?: (claimed: ClaimedAttempt) => AttemptTrace
  /** Called when an attempt is about to be sent. */
  onClaimed?: (claimed: ClaimedAttempt) => void
  /** Called when a receiver said that it is gone for good (410). */
  onGone: (webhookId: string) => Promise<void>
  /** One wide line and the metrics of an attempt. */
  onAttempt: (attempted: Attempted) => void
  onError: (error: unknown) => void
}

export interface Attempted {
  deliveryId: string
  webhookId: string
  eventType: string
  attempt: number
  status: AttemptResult['status']
  recorded: boolean
  responseCode: number | null
  error: string | null
  durationMs: number
  retryInMs: number | null
  test: boolean
}

interface Unsent {
  kind: 'internal'
  message: string
  durationMs: number
}

/** A lease that ends sooner than this is not enough to begin with. */
const LEASE_MARGIN_MS = 500
const AGAIN_MS = 500

/**
 * Makes one attempt: claim → send → record. Network failures are outcomes, not errors.
 * @returns null when the number was not ours to claim, so nothing was sent
 */
export async function makeAttempt(deps: AttemptDeps, job: Claim, signal: AbortSignal): Promise<Attempted | null> {
  // After an outage of the database a lease may have run out whose attempt this very process is still making.
  if (deps.leases.holds(job.deliveryId)) return null
  crashPoint('before_claim')
  const claimed = await firmly(deps, signal, () => deps.claim(job))
  if (claimed === null) return null
  crashPoint('after_claim', claimed.canonical)
  deps.leases.hold(claimed.deliveryId)
  deps.onClaimed?.(claimed)
  const trace = deps.traces?.(claimed)
  let attempted: Attempted | undefined
  try {
    const { headers, outcome } = await signAndSend(deps, claimed, trace?.headers ?? {}, signal)
    crashPoint('after_send', claimed.canonical)
    const result = toResult(deps, claimed, headers, outcome)
    attempted = describe(claimed, result, await firmly(deps, signal, () => deps.record(result)))
    crashPoint('after_record', claimed.canonical)
  } finally {
    deps.leases.release(claimed.deliveryId)
    trace?.end(attempted)
  }
  deps.onAttempt(attempted)
  if (attempted.recorded && attempted.responseCode === 410 && !claimed.test) await deps.onGone(claimed.webhook.id)
  return attempted
}

/** A key that this worker lacks must not look like poison, which a delivery is given up for within a minute. */
async function signAndSend(
  deps: AttemptDeps,
  claimed: ClaimedAttempt,
  traceHeaders: Record<string, string>,
  signal: AbortSignal,
): Promise<{ headers: Record<string, string>; outcome: Outcome | Unsent }> {
  let headers: Record<string, string>
  try {
    headers = { ...requestHeaders(deps, claimed, new Date()), ...traceHeaders }
  } catch (error) {
    deps.onError(error)
    const message = 'Nothing was sent: the secret or the headers of the webhook could not be opened.'
    return { headers: {}, outcome: { kind: 'internal', message, durationMs: 0 } }
  }
  return { headers, outcome: await sendInLease(deps, claimed, headers, signal) }
}

/**
 * A claim waits for the database to come back, since its job would come again only after `FED_SECONDS`; so does a record, since
 * something was sent. Only a process that must end gives it up.
 */
async function firmly<T>(deps: AttemptDeps, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const worthWaiting = error instanceof ApiError && error.status === 503 && !signal.aborted
      if (!worthWaiting) throw error
      deps.onError(error)
      await setTimeout(AGAIN_MS)
    }
  }
}

function describe(claimed: ClaimedAttempt, result: AttemptResult, recorded: boolean): Attempted {
  return {
    deliveryId: claimed.deliveryId,
    webhookId: claimed.webhook.id,
    eventType: claimed.eventType,
    attempt: claimed.attempt,
    status: result.status,
    recorded,
    responseCode: result.responseCode,
    error: result.error,
    durationMs: result.durationMs,
    retryInMs: result.retryInMs,
    test: claimed.test,
  }
}

function requestHeaders(deps: AttemptDeps, claimed: ClaimedAttempt, at: Date): Record<string, string> {
  const { webhook } = claimed
  const custom: Record<string, string> = webhook.headers
    ? JSON.parse(deps.secrets.open(webhook.headers, webhook.id))
    : {}
  return {
    ...custom,
    ...signedHeaders({
      deliveryId: publicId('dlv', claimed.deliveryId),
      eventType: claimed.eventType,
      attempt: claimed.attempt,
      secret: deps.secrets.open(webhook.secret, webhook.id),
      ...(webhook.previousSecret ? { previousSecret: deps.secrets.open(webhook.previousSecret, webhook.id) } : {}),
      canonical: claimed.canonical,
      style: webhook.signatureStyle,
      at,
      version: deps.version,
      test: claimed.test,
    }),
  }
}

/** A process that was stopped for longer than its lease finds out here and sends nothing stale. */
async function sendInLease(
  deps: AttemptDeps,
  claimed: ClaimedAttempt,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Outcome> {
  if (signal.aborted || performance.now() > claimed.leaseEnds - LEASE_MARGIN_MS) {
    return { kind: 'aborted', message: 'Nothing was sent: the worker was stopped first.', durationMs: 0 }
  }
  return deps.sender.send({
    webhookId: claimed.webhook.id,
    url: claimed.webhook.url,
    headers,
    body: claimed.canonical,
    timeoutMs: deps.timeoutMs,
    signal,
  })
}

function toResult(
  deps: AttemptDeps,
  claimed: ClaimedAttempt,
  headers: Record<string, string>,
  outcome: Outcome | Unsent,
): AttemptResult {
  const result: AttemptResult = {
    deliveryId: claimed.deliveryId,
    attempt: claimed.attempt,
    status: 'failed',
    retryInMs: null,
    requestHeaders: JSON.stringify(loggedHeaders(claimed, headers)),
    responseCode: null,
    responseHeaders: null,
    responseBody: null,
    error: null,
    errorMessage: null,
    durationMs: Math.round(outcome.durationMs),
  }
  if (outcome.kind === 'response') addAnswer(deps, claimed, headers, result, outcome)
  else {
    result.error = outcome.kind
    result.errorMessage = outcome.message
    result.status = outcome.kind === 'aborted' ? 'aborted' : 'failed'
    result.retryInMs = outcome.kind === 'aborted' ? 0 : nextDelay(deps, claimed, null)
  }
  return result
}

function addAnswer(
  deps: AttemptDeps,
  claimed: ClaimedAttempt,
  headers: Record<string, string>,
  result: AttemptResult,
  answer: Outcome & { kind: 'response' },
): void {
  const secrets = customSecrets(headers, claimed.webhook.headerNames)
  result.responseCode = answer.status
  result.responseHeaders = maskEchoes(Buffer.from(JSON.stringify(answer.headers)), secrets)
  result.responseBody = maskEchoes(answer.body, secrets)
  if (answer.status >= 200 && answer.status < 300) {
    result.status = 'success'
    return
  }
  const gone = answer.status === 410
  result.error = gone ? 'gone' : 'bad_status'
  result.errorMessage = `The receiver answered ${answer.status}.`
  result.retryInMs = gone ? null : nextDelay(deps, claimed, parseRetryAfter(answer.retryAfter, new Date()))
}

/** As sent, but for the masks. Without headers nothing could be sent. */
function loggedHeaders({ webhook, canonical }: ClaimedAttempt, headers: Record<string, string>) {
  if (Object.keys(headers).length === 0) return headers
  return Object.assign(
    maskCustom(headers, webhook.headerNames),
    transportHeaders({ url: webhook.url, body: canonical }),
  )
}

function nextDelay(deps: AttemptDeps, claimed: ClaimedAttempt, retryAfterMs: number | null): number | null {
  if (claimed.attempt >= claimed.maxAttempts) return null
  const attempt = claimed.attempt - claimed.earlierAttempts
  return retryDelay(deps.retry, { attempt, retryAfterMs }, deps.random())
}

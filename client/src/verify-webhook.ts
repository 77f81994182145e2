import type { WebhookEvent } from './event-data.ts'

export interface VerifyOptions {
  /** How far `webhook-timestamp` may lie from now, either way. Default 300. */
  toleranceSeconds?: number
  /**
   * Take a request that has no `webhook-signature` by its `X-Webhook-Signature`, which does not cover the time: whoever once
   * saw a request can then send it again at any time.
   */
  acceptUntimed?: boolean
  /** For tests: milliseconds since 1970. */
  now?: () => number
}

export interface VerifiedWebhook {
  event: WebhookEvent
  /** `dlv_…`, the same on each attempt; null when `X-Webhook-Signature` was taken, which does not cover it. */
  deliveryId: string | null
  /** When the attempt was signed; null likewise. */
  sentAt: Date | null
}

/** A request that is not to be trusted: answer it with 401. */
export class WebhookRefused extends Error {
  readonly code: 'missing_header' | 'bad_timestamp' | 'too_old' | 'too_new' | 'bad_signature' | 'bad_body'

  constructor(code: WebhookRefused['code'], message: string) {
    super(message)
    this.name = 'WebhookRefused'
    this.code = code
  }
}

type HeadersLike = Pick<Headers, 'get'> | Readonly<Record<string, string | readonly string[] | undefined>>

const WHSEC = 'whsec_'
const TOLERANCE_SECONDS = 300
/** A rotation has two; more are not looked at, so that a request cannot buy work. */
const MOST_SIGNATURES = 10

/**
 * Whether a webhook request comes from whoever holds the secret, and is fresh (Standard Webhooks 1.0: HMAC-SHA256 over
 * `id.timestamp.body`). Signatures are compared by WebCrypto, in a time that does not depend on them.
 * @param rawBody as it arrived: a body that was parsed and written again is another text
 * @param headers those of Node, of `fetch`, or any object; names in any case
 * @param secret as the webhook has it, `whsec_…` or plain; several while the receiver itself changes over
 * @throws WebhookRefused; TypeError when it is called wrongly
 */
export async function verifyWebhook(
  rawBody: string | Uint8Array | ArrayBuffer,
  headers: HeadersLike,
  secret: string | readonly string[],
  options: VerifyOptions = {},
): Promise<VerifiedWebhook> {
  const body = bytesOf(rawBody)
  const secrets = typeof secret === 'string' ? [secret] : secret
  if (secrets.length === 0 || secrets.some((one) => one.length === 0)) throw new TypeError('The secret is empty.')
  const signatures = header(headers, 'webhook-signature')
  if (signatures === null && options.acceptUntimed === true) return verifyUntimed(body, headers, secrets)
  const id = needed(header(headers, 'webhook-id'), 'webhook-id')
  const timestamp = needed(header(headers, 'webhook-timestamp'), 'webhook-timestamp')
  const sentAt = freshTime(timestamp, options)
  const signed = join(text(`${id}.${timestamp}.`), body)
  const given = needed(signatures, 'webhook-signature')
    .split(' ')
    .filter((one) => one.startsWith('v1,'))
    .slice(0, MOST_SIGNATURES)
    .flatMap((one) => fromBase64(one.slice(3)) ?? [])
  await checkAny(given, secrets.map(standardKey), signed)
  return { event: read(body), deliveryId: id, sentAt }
}

async function verifyUntimed(body: Bytes, headers: HeadersLike, secrets: readonly string[]): Promise<VerifiedWebhook> {
  const given = needed(header(headers, 'x-webhook-signature'), 'X-Webhook-Signature')
  const hex = /^sha256=([0-9a-f]{64})$/.exec(given)?.[1]
  await checkAny(hex === undefined ? [] : [fromHex(hex)], secrets.map(text), body)
  return { event: read(body), deliveryId: null, sentAt: null }
}

async function checkAny(signatures: readonly Bytes[], keys: readonly Bytes[], signed: Bytes): Promise<void> {
  for (const bytes of keys) {
    const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
    for (const signature of signatures) {
      if (await crypto.subtle.verify('HMAC', key, signature, signed)) return
    }
  }
  throw new WebhookRefused('bad_signature', 'No signature is of this secret and this body.')
}

function freshTime(timestamp: string, { toleranceSeconds = TOLERANCE_SECONDS, now = Date.now }: VerifyOptions): Date {
  if (!/^\d{1,11}$/.test(timestamp)) {
    throw new WebhookRefused('bad_timestamp', 'webhook-timestamp is not in seconds since 1970.')
  }
  const age = now() / 1000 - Number(timestamp)
  if (age > toleranceSeconds) throw new WebhookRefused('too_old', `The request was signed ${Math.round(age)} s ago.`)
  if (age < -toleranceSeconds) throw new WebhookRefused('too_new', 'The request was signed in the future.')
  return new Date(Number(timestamp) * 1000)
}

/** A `whsec_` secret stands for the bytes it encodes, any other for its UTF-8 bytes. */
function standardKey(secret: string): Bytes {
  if (!secret.startsWith(WHSEC)) return text(secret)
  const bytes = fromBase64(secret.slice(WHSEC.length))
  if (bytes === null || bytes.length === 0) throw new TypeError('The secret begins with whsec_ but is not base64.')
  return bytes
}

function read(body: Bytes): WebhookEvent {
  try {
    const event: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    if (typeof event === 'object' && event !== null && 'event_type' in event) return event as WebhookEvent
  } catch {
    // Told below.
  }
  throw new WebhookRefused('bad_body', 'The body is signed but is no event.')
}

function header(headers: HeadersLike, name: string): string | null {
  if (typeof headers.get === 'function') return headers.get(name)
  for (const [key, value] of Object.entries(headers)) {
    if (key.toLowerCase() !== name || value === undefined) continue
    return typeof value === 'string' ? value : (value as readonly string[]).join(' ')
  }
  return null
}

function needed(value: string | null, name: string): string {
  if (value) return value
  throw new WebhookRefused('missing_header', `The header ${name} is missing.`)
}

type Bytes = Uint8Array<ArrayBuffer>

function bytesOf(body: unknown): Bytes {
  if (typeof body === 'string') return text(body)
  if (body instanceof Uint8Array) return new Uint8Array(body)
  if (body instanceof ArrayBuffer) return new Uint8Array(body)
  throw new TypeError('Give the raw body, as text or bytes, not what was parsed from it.')
}

function text(value: string): Bytes {
  return new TextEncoder().encode(value)
}

function join(one: Bytes, other: Bytes): Bytes {
  const both = new Uint8Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}

function fromHex(hex: string): Bytes {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** Null when it is none. */
function fromBase64(value: string): Bytes | null {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value) || value.length % 4 !== 0) return null
  return Uint8Array.from(atob(value), (character) => character.charCodeAt(0))
}

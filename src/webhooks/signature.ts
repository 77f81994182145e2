import { createHmac, randomBytes } from 'node:crypto'
import type { SignatureStyle } from './webhook.ts'

export interface SignedRequest {
  /** `dlv_…` */
  deliveryId: string
  eventType: string
  attempt: number
  secret: string
  /** During a rotation: Standard Webhooks carries both, `X-Webhook-Signature` still this one. */
  previousSecret?: string
  /** The body: the event's canonical text. */
  canonical: string
  style: SignatureStyle
  at: Date
  version: string
  test: boolean
}

const WHSEC = 'whsec_'
const SHORTEST = 16
const LONGEST = 128
/** Standard Webhooks 1.0 asks for 24 to 64 bytes. */
const MADE_BYTES = 32

/**
 * Every header of a webhook request but those of the connection. `X-Webhook-Signature` is HMAC-SHA256 over the canonical text
 * with the secret as UTF-8; `webhook-signature` follows Standard Webhooks 1.0 (`id.timestamp.body`).
 */
export function signedHeaders(request: SignedRequest): Record<string, string> {
  const seconds = Math.floor(request.at.getTime() / 1000)
  const secrets = request.previousSecret === undefined ? [request.secret] : [request.secret, request.previousSecret]
  const signed = `${request.deliveryId}.${seconds}.${request.canonical}`
  return {
    'Content-Type': 'application/json',
    'User-Agent': `ara-events/${request.version}`,
    'X-Webhook-Signature': `sha256=${hmac(request.previousSecret ?? request.secret, quickstartText(request), 'hex')}`,
    'X-Webhook-Event': request.eventType,
    'X-Webhook-Delivery': request.deliveryId,
    'X-Webhook-Attempt': String(request.attempt),
    ...(request.test ? { 'X-Webhook-Test': 'true' } : {}),
    'Idempotency-Key': request.deliveryId,
    'webhook-id': request.deliveryId,
    'webhook-timestamp': String(seconds),
    'webhook-signature': secrets.map((secret) => `v1,${hmac(standardKey(secret), signed, 'base64')}`).join(' '),
  }
}

/** A new secret in the form that Standard Webhooks libraries take. */
export function makeSecret(): string {
  return WHSEC + randomBytes(MADE_BYTES).toString('base64')
}

/** Why a text cannot be a secret, or null. */
export function checkSecret(secret: string): string | null {
  if (secret.length < SHORTEST || secret.length > LONGEST) return `must have ${SHORTEST} to ${LONGEST} characters`
  if (!isWellFormed(secret)) return 'holds NUL or half of a surrogate pair'
  if (secret.startsWith(WHSEC) && !isBase64(secret.slice(WHSEC.length)))
    return 'begins with whsec_ but what follows is not base64'
  return null
}

/** A `whsec_` secret stands for the bytes it encodes, any other for its UTF-8 bytes. */
function standardKey(secret: string): Buffer {
  return secret.startsWith(WHSEC) ? Buffer.from(secret.slice(WHSEC.length), 'base64') : Buffer.from(secret)
}

/**
 * The quick start's Node receiver hashes the parsed body again, with an array of the top-level names as the replacer: a key
 * filter at every depth, so of `data` only the braces are covered. Those who run it can have that text signed.
 */
function quickstartText(request: SignedRequest): string {
  if (request.style === 'canonical') return request.canonical
  const payload = JSON.parse(request.canonical)
  return JSON.stringify(payload, Object.keys(payload).sort())
}

function hmac(key: string | Buffer, text: string, encoding: 'hex' | 'base64'): string {
  return createHmac('sha256', key).update(text).digest(encoding)
}

function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0
}

function isWellFormed(text: string): boolean {
  return !text.includes('\0') && !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text)
}

import { z } from 'zod'
import { EVENT_TYPES } from '../events/catalogue.ts'
import { symbolSchema } from '../events/symbol.ts'
import { checkSecret } from './signature.ts'
import { SIGNATURE_STYLES } from './webhook.ts'

/** Set by us or by the connection; a custom header of that name would break the signature or the framing. */
const RESERVED_HEADERS = new Set([
  ...[
    'host',
    'connection',
    'keep-alive',
    'proxy-connection',
    'proxy-authenticate',
    'proxy-authorization',
    'te',
    'trailer',
  ],
  ...['transfer-encoding', 'upgrade', 'content-length', 'content-type', 'content-encoding', 'expect', 'user-agent'],
  ...['idempotency-key', 'webhook-id', 'webhook-timestamp', 'webhook-signature', 'accept-encoding', 'date'],
])
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/
/** RFC 9110 field content: visible characters, spaces and tabs; no leading or trailing space. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]{0,1022}[\x21-\x7e])?$/
const MOST_HEADERS = 20

const headers = z
  .record(z.string(), z.string().regex(HEADER_VALUE, 'must be 1 to 1024 visible ASCII characters'))
  .superRefine((given, context) => {
    const names = Object.keys(given)
    const complain = (name: string, message: string) => context.addIssue({ code: 'custom', path: [name], message })
    if (names.length > MOST_HEADERS) complain('', `at most ${MOST_HEADERS} headers`)
    for (const name of names) {
      if (!HEADER_NAME.test(name)) complain(name, 'is not a header name')
      else if (isReserved(name)) complain(name, 'is set by the sender and cannot be replaced')
    }
    if (new Set(names.map((name) => name.toLowerCase())).size < names.length) complain('', 'names a header twice')
  })

export const secretSchema = z.string().superRefine((text, context) => {
  const reason = checkSecret(text)
  if (reason !== null) context.addIssue({ code: 'custom', message: reason })
})

const events = z
  .array(z.enum(['*', ...EVENT_TYPES]))
  .min(1, 'choose at least one')
  .max(EVENT_TYPES.length + 1)
  .transform((types) => (types.includes('*') ? ['*'] : [...new Set(types)]))
  .pipe(z.array(z.string()))

const fields = {
  events,
  description: z.string().max(500).nullable(),
  active: z.boolean(),
  symbols: z
    .array(symbolSchema)
    .min(1)
    .max(100)
    .transform((symbols) => [...new Set(symbols)])
    .nullable(),
  headers: headers.nullable(),
  signature_style: z.enum(SIGNATURE_STYLES),
  max_attempts: z.int().min(1).max(20),
}

/** `POST /api/v1/webhooks` */
export function newWebhook(checkUrl: CheckUrl) {
  return z.strictObject({
    url: urlSchema(checkUrl),
    events: fields.events,
    secret: secretSchema.optional(),
    description: fields.description.default(null),
    active: fields.active.default(true),
    symbols: fields.symbols.default(null),
    headers: fields.headers.default(null),
    signature_style: fields.signature_style.default('canonical'),
    max_attempts: fields.max_attempts.optional(),
  })
}

/** `PATCH /api/v1/webhooks/{id}`: what is absent stays. The secret is replaced by rotation, not here. */
export function webhookChanges(checkUrl: CheckUrl) {
  return z
    .strictObject({ url: urlSchema(checkUrl), ...fields })
    .partial()
    .refine((changes) => Object.keys(changes).length > 0, 'names nothing to change')
}

export type NewWebhook = z.infer<ReturnType<typeof newWebhook>>
export type WebhookChanges = z.infer<ReturnType<typeof webhookChanges>>

/** The reason why a URL cannot be a webhook's, or null. */
export type CheckUrl = (url: string) => string | null

function urlSchema(checkUrl: CheckUrl) {
  return z
    .string()
    .min(1, { abort: true })
    .max(2048, { abort: true })
    .superRefine((url, context) => {
      const reason = checkUrl(url)
      if (reason !== null) context.addIssue({ code: 'custom', message: reason })
    })
}

function isReserved(name: string): boolean {
  const lower = name.toLowerCase()
  return RESERVED_HEADERS.has(lower) || lower.startsWith('x-webhook-')
}

import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import { PLAIN } from '../complaints.ts'
import { pause } from './pause.ts'

const BODY_LIMIT = 1024 * 1024
const TOLERANCE_SECONDS = 5 * 60
const ARRIVALS_KEPT = 100
const DELIVERY_IDS_KEPT = 10_000

export const MODES = ['ok', 'fail', 'stall', 'busy', 'gone'] as const

/** How a receiver answers what is verified, with the names of `PUT /behaviour`. `times` null: until it is told otherwise. */
export const Behaviour = z.strictObject({
  mode: z.enum(MODES, { error: `must be one of ${MODES.join(', ')}` }),
  status: whole(300, 599).default(500),
  stall_seconds: whole(0, 3600).default(30),
  retry_after: whole(0, 86_400).default(10),
  times: whole(1, 1_000_000).nullable().default(null),
})
export type Behaviour = z.output<typeof Behaviour>

/** A request that came, as `GET /received` shows it. `again`: this delivery came before. */
export type Arrival = ReturnType<typeof readArrival> & { again: boolean; mode: string; answer: number }

export interface Receiver {
  port: number
  behave(behaviour: z.input<typeof Behaviour>): void
  close(): Promise<void>
}

/**
 * A server that takes a POST to any path as a webhook: verifies its signatures, hands it to `print`, and answers 401 when one
 * of them is wrong, else as its behaviour says.
 * @throws what listening throws, such as EADDRINUSE; ZodError
 */
export async function startReceiver(options: {
  host: string
  port: number
  secret: string
  print: (arrival: Arrival) => void
  behaviour?: z.input<typeof Behaviour>
}): Promise<Receiver> {
  let behaviour = Behaviour.parse(options.behaviour ?? { mode: 'ok' })
  const arrivals: Arrival[] = []
  const seen = new Set<string>()
  const closing = new AbortController()
  const server = createServer({ requestTimeout: 30_000 }, (request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  server.listen(options.port, options.host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    behave(next) {
      behaviour = Behaviour.parse(next)
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      closing.abort()
      await closed
    },
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request)
    const route = `${request.method} ${request.url?.split('?')[0]}`
    if (body === null) sendError(response, 413, 'too_large', `The body has more than ${BODY_LIMIT} bytes.`)
    else if (request.method === 'POST') await receive(request, body, response)
    else if (route === 'GET /received') send(response, 200, { received: arrivals })
    else if (route === 'GET /behaviour') send(response, 200, behaviour)
    else if (route === 'PUT /behaviour') change(parseJson(body), response)
    else sendError(response, 404, 'not_found', 'POST a webhook to any path, GET /received, GET or PUT /behaviour.')
  }

  function change(json: unknown, response: ServerResponse): void {
    const next = Behaviour.safeParse(json, PLAIN)
    if (next.success) {
      behaviour = next.data
      send(response, 200, behaviour)
    } else if (json === undefined) sendError(response, 400, 'malformed_json', 'The body is not JSON.')
    else sendError(response, 400, 'invalid_behaviour', complaints(next.error).join('; '))
  }

  async function receive(request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    const facts = readArrival(request, body, options.secret)
    const { status, stall_seconds, retry_after, ...told } = facts.verified ? nextBehaviour() : behaviour
    const mode = facts.verified ? told.mode : 'refused'
    const code = { ok: 200, stall: 200, fail: status, busy: 429, gone: 410, refused: 401 }[mode]
    const arrival = { ...facts, again: seen.has(facts.delivery_id), mode, answer: code }
    // Only then: a stranger must not make a real delivery look like a repeat.
    if (facts.verified) seen.add(facts.delivery_id)
    if (seen.size > DELIVERY_IDS_KEPT) seen.delete(seen.values().next().value ?? '')
    arrivals.unshift(arrival)
    arrivals.splice(ARRIVALS_KEPT)
    options.print(arrival)
    if (mode === 'stall') await pause(stall_seconds * 1000, closing.signal)
    if (mode === 'busy') response.setHeader('Retry-After', retry_after)
    if (code === 200) send(response, 200, { received: true })
    else sendError(response, code, mode, facts.verified ? 'The receiver was told to.' : facts.signatures.join('; '))
  }

  function nextBehaviour(): Behaviour {
    const current = behaviour
    if (current.mode === 'ok' || current.times === null) return current
    behaviour = current.times > 1 ? { ...current, times: current.times - 1 } : Behaviour.parse({ mode: 'ok' })
    return current
  }
}

/** Every signature that is there must fit: one of two that may fail would hide that it is broken. */
function readArrival({ headers, url = '/' }: IncomingMessage, body: Buffer, secret: string) {
  const now = new Date()
  const checks: { fits: boolean; text: string }[] = []
  const [simple, standard] = [headers['x-webhook-signature'], headers['webhook-signature']]
  const id = String(headers['webhook-id'] ?? headers['x-webhook-delivery'] ?? '')
  if (simple !== undefined) checks.push(checkSimple(String(simple), body, secret))
  if (standard !== undefined) {
    const seconds = String(headers['webhook-timestamp'])
    const fresh = Math.abs(now.getTime() / 1000 - Number(seconds)) <= TOLERANCE_SECONDS
    if (fresh) checks.push(checkStandard(String(standard), `${id}.${seconds}.`, body, secret))
    else checks.push({ fits: false, text: 'webhook-timestamp is not within five minutes' })
  }
  return {
    at: now.toISOString(),
    path: url,
    event_type: String(headers['x-webhook-event'] ?? ''),
    delivery_id: id,
    attempt: String(headers['x-webhook-attempt'] ?? ''),
    test: headers['x-webhook-test'] === 'true',
    verified: checks.length > 0 && checks.every(({ fits }) => fits),
    signatures: checks.length > 0 ? checks.map(({ text }) => text) : ['no signature'],
    body: body.toString(),
  }
}

function checkSimple(given: string, body: Buffer, secret: string) {
  const sign = (text: Buffer | string) => `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`
  if (same(given, sign(body))) return { fits: true, text: 'X-Webhook-Signature' }
  const payload = parseJson(body)
  return payload instanceof Object && same(given, sign(JSON.stringify(payload, Object.keys(payload).sort())))
    ? { fits: true, text: 'X-Webhook-Signature (node-quickstart: data not covered)' }
    : { fits: false, text: 'X-Webhook-Signature is wrong' }
}

/** https://www.standardwebhooks.com: during a rotation the header has several signatures, and one must fit. */
function checkStandard(given: string, prefix: string, body: Buffer, secret: string) {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret
  const expected = `v1,${createHmac('sha256', key).update(prefix).update(body).digest('base64')}`
  const fits = given.split(' ').some((one) => same(one, expected))
  return { fits, text: fits ? 'webhook-signature' : 'webhook-signature is wrong' }
}

function same(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** Reads to the end even what is too long: a connection cut before would hide the 413. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size <= BODY_LIMIT) chunks.push(chunk)
  }
  return size <= BODY_LIMIT ? Buffer.concat(chunks) : null
}

/** Undefined when it is not JSON. */
export function parseJson(text: Buffer | string): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return undefined
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

function sendError(response: ServerResponse, status: number, error: string, message: string): void {
  send(response, status, { error, message })
}

/** What is wrong with a behaviour, each with its name in `PUT /behaviour`. */
export function complaints(error: z.ZodError): string[] {
  return error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')} ${message}`))
}

function whole(low: number, high: number) {
  const error = `must be a whole number from ${low} to ${high}`
  return z.int({ error }).min(low, { error }).max(high, { error })
}

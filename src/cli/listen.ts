import { checkSecret, makeSecret } from '../webhooks/signature.ts'
import { SIGNATURE_STYLES } from '../webhooks/webhook.ts'
import type { Call, Command } from './command.ts'
import { UsageError } from './failures.ts'
import { eventSource } from './listen/event-source.ts'
import { Follower, type Source } from './listen/follower.ts'
import { type Forwardable, type Forwarded, forward } from './listen/forward.ts'
import { watchWebhook, webhookSource } from './listen/webhook-source.ts'
import { Server } from './server.ts'
import { openStreams, untilStopped } from './streams.ts'
import { clean, type Terminal } from './terminal.ts'
import { pathOf, type Webhook } from './webhooks/answers.ts'

export const listen: Command = {
  name: 'listen',
  about: "Forward events, or a webhook's deliveries, to a local address, signed like real ones.",
  callsServer: true,
  options: {
    forward: { kind: 'text', value: 'url', about: 'where to post them (required), such as http://localhost:3000/hook' },
    webhook: { kind: 'text', value: 'webhook', about: 'follow the deliveries of this webhook of yours, tests too' },
    events: { kind: 'list', value: 'types', about: 'without --webhook: only of these types, with commas' },
    symbols: { kind: 'list', value: 'symbols', about: 'without --webhook: only of these symbols, with commas' },
    secret: { kind: 'text', value: 'secret', about: 'to sign with; without it one is made and printed' },
    'signature-style': { kind: 'text', value: 'style', about: `without --webhook: ${SIGNATURE_STYLES.join(' or ')}` },
    since: { kind: 'text', value: 'time', about: 'begin there, not now: 2026-11-23T12:00:00Z, or 10m, 2h ago' },
    count: { kind: 'text', value: 'n', about: 'end after so many' },
  },
  details: `
Without --webhook it forwards every event that a webhook of yours for all types would get; the server is told of no webhook. With
--webhook it forwards each delivery of that webhook, which goes to its own address as well. Each one is forwarded once, in the order
of their making, and none is missed while the connection is lost. A local server that is being restarted is waited for, up to 8
seconds; any other failure is shown and not tried again. Ctrl-C ends it.`,
  async run(call) {
    const target = readTarget(call)
    const onWait = () => call.out.note(`Nobody listens at ${target.url}; waiting up to 8 seconds.`)
    const to = { ...target, signal: call.signal, onWait }
    const server = new Server(call).withToken()
    const { source, about, style, webhookId } = await chooseSource(call, server)
    const since = call.options.time('since')
    const follower = new Follower({
      source,
      since: since === undefined ? server.now : Date.parse(since),
      onTrouble: (reason) => call.out.note(`${reason} Trying again.`),
    })
    const listening = { type: 'listening', about, forward: to.url, secret: to.secret }
    call.out.row(listening, () => `Forwarding ${about} to ${to.url}\nSigned with the secret ${to.secret}`)
    await (webhookId === undefined
      ? forwardAll(call, follower, { ...to, style })
      : forwardWatched(call, server, follower, webhookId, { ...to, style }))
  },
}

type Target = Parameters<typeof forward>[0]

async function chooseSource(call: Call, server: Server) {
  const { options } = call
  const webhookId = options.text('webhook')
  const filter = { types: options.list('events'), symbols: options.list('symbols')?.map((one) => one.toUpperCase()) }
  const style = options.oneOf('signature-style', SIGNATURE_STYLES)
  if (webhookId === undefined) {
    const { user_id } = await server.call<{ user_id: string }>('GET', '/api/v1/auth/me')
    const source: Source<Forwardable> = eventSource(server, user_id, filter)
    return { source, about: `the events of ${user_id}`, style: style ?? ('canonical' as const), webhookId }
  }
  if (filter.types || filter.symbols || style) {
    throw new UsageError('--events, --symbols and --signature-style are those of the webhook where --webhook is given.')
  }
  const webhook = await server.call<Webhook>('GET', pathOf(webhookId))
  const about = `the deliveries of ${webhook.id} (${webhook.url})`
  return { source: webhookSource(server, webhook.id), about, style: webhook.signature_style, webhookId: webhook.id }
}

/** The stream says when; its end for good is the end of all. */
async function forwardWatched(
  call: Call,
  server: Server,
  follower: Follower<Forwardable>,
  webhookId: string,
  to: Target,
): Promise<void> {
  const client = openStreams(server, call.out)
  watchWebhook(client, webhookId, follower)
  client.on('frame', (frame) => {
    if (frame.type === 'subscribed' && frame.channel === 'deliveries') call.out.note('Ready.')
  })
  const over = new AbortController()
  const signal = AbortSignal.any([call.signal, over.signal])
  const closed = untilStopped(client, signal).finally(() => over.abort())
  const forwarded = forwardAll({ ...call, signal }, follower, to).finally(() => over.abort())
  await Promise.all([closed, forwarded])
}

async function forwardAll(call: Call, follower: Follower<Forwardable>, to: Target): Promise<void> {
  const most = call.options.number('count', 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY
  let [made, failed] = [0, 0]
  for await (const item of follower.items(call.signal)) {
    const outcome = await forward(to, item)
    made += 1
    if (!isTaken(outcome)) failed += 1
    tell(call.out, item, outcome)
    if (made >= most) break
  }
  call.out.note(`${made} forwarded, ${failed} of them not taken.`)
}

function isTaken({ status }: Forwarded): boolean {
  return status !== null && status >= 200 && status < 300
}

function tell(out: Terminal, item: Forwardable, outcome: Forwarded): void {
  const { id, eventId, eventType, test } = item
  const row = {
    ...{ type: 'forwarded', delivery_id: id, event_id: eventId, event_type: eventType, test },
    ...{ status: outcome.status, error: outcome.error, duration_ms: outcome.durationMs },
  }
  out.row(row, () => {
    const answer = out.paint(isTaken(outcome) ? 'green' : 'red', clean(outcome.status ?? outcome.error))
    const time = out.paint('dim', new Date().toISOString().slice(11, 19))
    return `${time} ${clean(eventType)}${test ? ' (test)' : ''} ${id} → ${answer} in ${outcome.durationMs} ms`
  })
}

function readTarget({ options }: Call): { url: string; secret: string } {
  const text = options.text('forward')
  if (text === undefined) throw new UsageError('--forward is missing.')
  const hasPort = /^(\[[^\]]+\]|[^\s/:?#@]+):\d+(?![^/?#])/.test(text)
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : hasPort ? URL.parse(`http://${text}`) : null
  if (url === null)
    throw new UsageError(
      `--forward must be a URL like http://localhost:3000/hook, or a host and a port like localhost:3000, unlike "${text}".`,
    )
  const secret = options.text('secret') ?? makeSecret()
  const complaint = checkSecret(secret)
  if (complaint !== null) throw new UsageError(`--secret ${complaint}.`)
  return { url: url.href, secret }
}

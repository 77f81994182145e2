import { randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import { PUBLISHED_TYPES } from '../../events/catalogue.ts'
import type { Call, Command, GivenOptions } from '../command.ts'
import { UsageError } from '../failures.ts'
import { Server } from '../server.ts'
import { publishLines } from './publish-lines.ts'

/** The server's own limit. */
const MOST_A_BATCH = 1_000

export const publishEvents: Command = {
  name: 'events publish',
  about: 'Publish one event, or each line of a file or of standard input.',
  args: '[<type>] [<field=value>…]',
  callsServer: true,
  options: {
    data: { kind: 'text', value: 'json', about: 'the data of the event, in place of fields' },
    user: { kind: 'text', value: 'user', about: 'only this user gets it' },
    file: { kind: 'text', value: 'path', about: 'NDJSON: one event a line; - is standard input' },
    batch: { kind: 'text', value: 'n', about: `events a request, of a file (default 500, at most ${MOST_A_BATCH})` },
    'idempotency-key': {
      kind: 'text',
      value: 'key',
      about: 'the same key never publishes twice; without it one is made',
    },
  },
  details: `
  ara-events events publish prediction_complete symbol=AAPL predicted_price=187.5 current_price=180 confidence=0.7
  ara-events events publish alert_triggered --data '{"symbol": "AAPL", "message": "over 200"}'
  ara-events events publish --file events.ndjson

A value that is JSON is taken as such (0.7, true), any other as a text. Each line of a file is one event as the API takes it:
{"event_type": "…", "data": {…}}. What the server cannot take now is sent again, with the same key, so nothing is published twice.
When a file is interrupted, the key is told: run the same file with the same --batch and that --idempotency-key, and it goes on.`,
  async run(call) {
    const { args, options } = call
    const file = options.text('file')
    if (file === undefined) return publishOne(call)
    if (args.length > 0 || options.raw('data') !== undefined || options.raw('user') !== undefined) {
      throw new UsageError('--file stands alone: its lines say everything.')
    }
    await publishFile(call, file)
  },
}

async function publishOne(call: Call): Promise<void> {
  const { options, out } = call
  const user = options.text('user')
  const event = { event_type: typeOf(call.args), data: dataOf(call), ...(user === undefined ? {} : { user_id: user }) }
  const server = new Server(call).withToken()
  const { body, headers } = await server.insist<{ event_id: string; deliveries: number }>(
    'POST',
    '/api/v1/events',
    { body: typeof event.data === 'string' ? written(event, event.data) : event, idempotencyKey: keyOf(options) },
    (reason) => out.note(`${reason} Trying again.`),
  )
  const replayed = headers.get('idempotency-replayed') === 'true'
  out.answer(
    { ...body, replayed },
    () => `${body.event_id}, owed to ${body.deliveries} webhooks${replayed ? ' (was published before)' : ''}`,
  )
}

async function publishFile(call: Call, path: string): Promise<void> {
  const batch = call.options.number('batch', 1, MOST_A_BATCH) ?? 500
  const server = new Server(call).withToken()
  const key = keyOf(call.options)
  if (path === '-') return publishLines({ ...call, server, key, batch, input: process.stdin, bytes: null })
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} cannot be read (${error.code}).`)
  })
  const stats = await file.stat()
  if (stats.isDirectory()) {
    await file.close()
    throw new UsageError(`${path} is a directory.`)
  }
  await publishLines({ ...call, server, key, batch, input: file.createReadStream(), bytes: stats.size })
}

function typeOf([type]: readonly string[]): string {
  if (type === undefined) throw new UsageError('Give the type of the event, or --file.')
  if (!PUBLISHED_TYPES.some((known) => known === type)) {
    throw new UsageError(`There is no event type "${type}", but ${PUBLISHED_TYPES.join(', ')}.`)
  }
  return type
}

/** As a text when it was given as JSON: the server sees every digit that was typed. */
function dataOf({ args, options }: Call): string | Record<string, unknown> {
  const data = options.text('data')
  const fields = args.slice(1)
  if (data === undefined) return Object.fromEntries(fields.map(readField))
  if (fields.length > 0) throw new UsageError('Give fields or --data, not both.')
  if (!isJson(data)) throw new UsageError('--data is not JSON.')
  return data
}

function readField(text: string): [name: string, value: unknown] {
  const [, name, value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined) throw new UsageError(`A field is like symbol=AAPL, unlike "${text}".`)
  return [name, isJson(value) ? JSON.parse(value) : value]
}

function written(event: object, data: string): string {
  return `${JSON.stringify({ ...event, data: undefined }).slice(0, -1)},"data":${data}}`
}

function keyOf(options: GivenOptions): string {
  return options.text('idempotency-key') ?? `cli-${randomUUID()}`
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

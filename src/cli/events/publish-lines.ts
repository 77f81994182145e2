import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Call } from '../command.ts'
import { CommandFailed } from '../failures.ts'
import { isTemporary, RefusedByServer, type Server } from '../server.ts'

/** Below the server's 4 MiB, with room for what a line may still add. */
const MOST_BYTES = 3_500_000

interface Batch {
  /** The number of its first line in the file. */
  firstLine: number
  lines: { number: number; text: string }[]
  bytes: number
}

export interface Publishing extends Pick<Call, 'out' | 'signal'> {
  server: Server
  key: string
  /** Events a request. */
  batch: number
  input: Readable
  /** Of the whole input, where that is known. */
  bytes: number | null
}

/**
 * Publishes each line, some hundred in one request: all or none of a request is taken. The n-th request carries the key and
 * its number, so the same input with the same key and size of requests is the same requests, and none is taken twice.
 */
export async function publishLines(publishing: Publishing): Promise<void> {
  const { out, key, input, bytes } = publishing
  const done = { published: 0, replayed: 0, bytes: 0 }
  let requests = 0
  try {
    for await (const batch of batches(input, publishing.batch)) {
      requests += 1
      const { accepted, replayed } = await publishBatch(publishing, batch, `${key}-${requests}`)
      done.published += accepted
      done.replayed += replayed ? accepted : 0
      done.bytes += batch.bytes
      out.progress(`${done.published} events${bytes === null ? '' : `, ${Math.floor((100 * done.bytes) / bytes)} %`}`)
    }
  } catch (error) {
    if (requests > 0) out.note(`${done.published} events were published. To go on: --idempotency-key ${key}`)
    throw error
  }
  const again = done.replayed > 0 ? `, ${done.replayed} of them before` : ''
  const { published, replayed } = done
  out.answer({ published, replayed, idempotency_key: key }, () => `${published} events published${again}.`)
}

async function publishBatch(
  { server, out }: Publishing,
  batch: Batch,
  key: string,
): Promise<{ accepted: number; replayed: boolean }> {
  const body = batch.lines.map(({ text }) => text).join('\n')
  const sent = { body, contentType: 'application/x-ndjson', idempotencyKey: key }
  try {
    const { body: answer, headers } = await server.insist<{ accepted: number }>(
      'POST',
      '/api/v1/events/batch',
      sent,
      (reason) => out.note(`${reason} Trying again.`),
    )
    return { accepted: answer.accepted, replayed: headers.get('idempotency-replayed') === 'true' }
  } catch (error) {
    if (!(error instanceof RefusedByServer) || isTemporary(error)) throw error
    throw new CommandFailed(withLines(error.message, batch), { answer: error.answer, cause: error })
  }
}

/** The server counts in the request (`[3].data.symbol`, `Line 4`), people in the file. */
function withLines(message: string, { lines, firstLine }: Batch): string {
  const numberOf = (index: number) => lines[index]?.number ?? firstLine + index
  return message
    .replace(/^ {2}\[(\d+)\]\.?/gm, (_, index) => `  line ${numberOf(Number(index))}: `)
    .replace(/\bLine (\d+)(?=:)/, (_, line) => `Line ${numberOf(Number(line) - 1)}`)
}

async function* batches(input: Readable, most: number): AsyncGenerator<Batch> {
  let batch: Batch = { firstLine: 1, lines: [], bytes: 0 }
  let number = 0
  let failure: Error | undefined
  // The lines end with it, without a word.
  input.once('error', (error) => {
    failure = error
  })
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1
    const bytes = Buffer.byteLength(text) + 1
    if (text.trim() === '') continue
    if (batch.lines.length === most || (batch.lines.length > 0 && batch.bytes + bytes > MOST_BYTES)) {
      yield batch
      batch = { firstLine: number, lines: [], bytes: 0 }
    }
    batch.lines.push({ number, text })
    batch.bytes += bytes
  }
  if (failure) throw new CommandFailed(`The input cannot be read on: ${failure.message}`, { cause: failure })
  if (batch.lines.length > 0) yield batch
}

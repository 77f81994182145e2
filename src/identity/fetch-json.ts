import { request } from 'undici'

/** Connecting, waiting and reading together. */
const DEADLINE_MS = 5_000
const MOST_BYTES = 256 * 1024

/**
 * A small JSON document of a server that the operator names: one request, no redirect, no connection kept.
 * @throws when it does not come whole, in time, with status 200 and as JSON
 */
export async function fetchJson(url: string, deadlineMs = DEADLINE_MS): Promise<unknown> {
  const signal = AbortSignal.timeout(deadlineMs)
  const { statusCode, body } = await request(url, { headers: { accept: 'application/json' }, reset: true, signal })
  body.on('error', () => undefined)
  try {
    if (statusCode !== 200) throw new Error(`It answered with status ${statusCode}`)
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of body) {
      size += chunk.length
      if (size > MOST_BYTES) throw new Error(`It has more than ${MOST_BYTES} bytes`)
      chunks.push(chunk)
    }
    return JSON.parse(Buffer.concat(chunks).toString())
  } finally {
    body.destroy()
  }
}

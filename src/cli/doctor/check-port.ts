import type { Config } from '../../config.ts'
import { tryToListen } from '../../try-to-listen.ts'
import { type Finding, fail, ok } from './finding.ts'

export const TAKEN_BY_US = 'taken by a running ara-events'
const ANSWER_MS = 3_000

/** Free to listen on, or taken by this very system. */
export async function checkPort({ server: { host, port } }: Config): Promise<Finding> {
  const about = `port ${port}`
  const reason = await tryToListen(host, port)
  if (reason === null) return ok(about, 'free')
  if (reason !== 'EADDRINUSE') return fail(about, `cannot be listened on at ${host}: ${reason}`, 'Check HOST and PORT.')
  if (await isOurs(host, port)) return ok(about, TAKEN_BY_US)
  return fail(about, 'taken by another program', 'End that program, or choose another PORT.')
}

async function isOurs(host: string, port: number): Promise<boolean> {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  try {
    const response = await fetch(`http://${reached}:${port}/health/live`, { signal: AbortSignal.timeout(ANSWER_MS) })
    const answer = (await response.json()) as { status?: unknown }
    return response.headers.has('x-request-id') && answer.status === 'live'
  } catch {
    return false
  }
}

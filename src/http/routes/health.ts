import { timingSafeEqual } from 'node:crypto'
import type { Registry } from 'prom-client'
import { notFound, unauthorized } from '../../errors.ts'
import { messageOf, rootOf } from '../../message-of.ts'
import { type Route, route } from '../route.ts'

/** Resolves when the part is well; what it rejects with is the reason. */
export type Check = () => Promise<unknown>

const CHECK_MS = 1_000

export function healthRoutes(deps: {
  checks: Record<string, Check>
  /** Resolves false while the process drains. */
  accepting: () => boolean
  registry: Registry
  metricsToken: string | undefined
}): Route[] {
  return [
    route({
      method: 'get',
      path: '/health/live',
      summary: 'The process runs.',
      permission: 'public',
      handle: async () => ({ status: 'live' }),
    }),
    route({
      method: 'get',
      path: '/health/ready',
      summary: 'Every part the process needs is there; says which one is not.',
      permission: 'public',
      async handle({ ctx }) {
        const names = Object.keys(deps.checks)
        const results = await Promise.all(Object.values(deps.checks).map(runCheck))
        const parts = Object.fromEntries(names.map((name, index) => [name, results[index] ?? 'ok']))
        const ready = deps.accepting() && results.every((reason) => reason === null)
        if (!ready) ctx.status = 503
        return { status: ready ? 'ready' : deps.accepting() ? 'not_ready' : 'draining', parts }
      },
    }),
    route({
      method: 'get',
      path: '/metrics',
      summary: 'Prometheus metrics, behind METRICS_TOKEN.',
      permission: 'public',
      async handle({ ctx }) {
        if (deps.metricsToken === undefined) throw notFound()
        if (!sameText(ctx.get('Authorization'), `Bearer ${deps.metricsToken}`)) {
          throw unauthorized('This needs the metrics token.')
        }
        ctx.type = deps.registry.contentType
        return deps.registry.metrics()
      },
    }),
  ]
}

/** @returns null, or why the part is not well, without its addresses or secrets */
async function runCheck(check: Check): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${CHECK_MS} ms`), CHECK_MS)
  })
  try {
    return await Promise.race([check().then(() => null), late])
  } catch (error) {
    const reason = reasonOf(rootOf(error))
    return reason === null ? 'unavailable' : `unavailable (${reason})`
  } finally {
    clearTimeout(timer)
  }
}

/** Of a driver's message only what kind it is: it may name an address. */
function reasonOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  if ('code' in error && error.code !== undefined) return String(error.code)
  if (/time(d )?out/i.test(error.message)) return 'timeout'
  return /connect|terminated|closed/i.test(messageOf(error)) ? 'no connection' : null
}

function sameText(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)]
  return left.length === right.length && timingSafeEqual(left, right)
}

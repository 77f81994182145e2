import type { Context, Middleware, Next } from 'koa'
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import { rateLimited } from '../../errors.ts'
import type { Principal, Tier } from '../../identity/principal.ts'
import type { RedisConnection } from '../../redis/connect.ts'

const MINUTE = 60
/** Counting together must not cost a request more than this; then the process counts alone. */
const BUDGET_MS = 50

/** Requests of one principal, per minute by tier; producers and admins are not counted. */
export function limitRequests(deps: {
  perMinute: Record<Tier, number>
  redis?: RedisConnection | undefined
}): Middleware {
  const limiters = new Map(
    Object.entries(deps.perMinute).map(([tier, points]) => [tier, createCounter(tier, points, deps.redis)]),
  )
  async function count(ctx: Context, principal: Principal, limiter: Counter): Promise<void> {
    const { allowed, counted } = await limiter(principal.userId)
    const seconds = Math.ceil(counted.msBeforeNext / 1000)
    ctx.set({
      'X-RateLimit-Limit': String(deps.perMinute[principal.tier]),
      'X-RateLimit-Remaining': String(counted.remainingPoints),
      'X-RateLimit-Reset': String(Math.floor(Date.now() / 1000) + seconds),
    })
    if (!allowed) throw rateLimited(Math.max(1, seconds))
  }

  return function limitRequests(ctx: Context, next: Next) {
    const principal: Principal = ctx.state['principal']
    const limiter = limiters.get(principal.tier)
    if (principal.role === 'producer' || principal.role === 'admin' || !limiter) return next()
    return count(ctx, principal, limiter).then(next)
  }
}

type Counter = (key: string) => Promise<{ allowed: boolean; counted: RateLimiterRes }>

function createCounter(tier: string, points: number, redis: RedisConnection | undefined): Counter {
  const options = { points, duration: MINUTE, keyPrefix: `ara:requests:${tier}` }
  const alone = new RateLimiterMemory(options)
  if (!redis) return (key) => verdict(alone.consume(key))
  const together = new RateLimiterRedis({ ...options, storeClient: redis })
  return async (key) => {
    const shared = verdict(together.consume(key)).catch(() => null)
    return (await within(BUDGET_MS, shared)) ?? verdict(alone.consume(key))
  }
}

async function verdict(consuming: Promise<RateLimiterRes>) {
  try {
    return { allowed: true, counted: await consuming }
  } catch (refused) {
    if (refused instanceof RateLimiterRes) return { allowed: false, counted: refused }
    throw refused
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

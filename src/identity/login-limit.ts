import { RateLimiterMemory } from 'rate-limiter-flexible'
import { rateLimited } from '../errors.ts'

/** Failed logins of one address, per minute, on REST, sockets and the queue board together. */
export interface LoginLimit {
  /** @throws ApiError 429 */
  refuseIfExhausted(address: string): Promise<void>
  countFailure(address: string): Promise<void>
}

const MINUTE = 60

export function createLoginLimit(perMinute: number): LoginLimit {
  const limiter = new RateLimiterMemory({ points: perMinute, duration: MINUTE })
  return {
    async refuseIfExhausted(address) {
      const counted = await limiter.get(address)
      if (counted && counted.consumedPoints >= perMinute) {
        throw rateLimited(Math.ceil(counted.msBeforeNext / 1000), 'Too many failed logins from this address.')
      }
    },
    async countFailure(address) {
      await limiter.penalty(address)
    },
  }
}

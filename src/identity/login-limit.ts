import { RateLimiterMemory } from 'rate-limiter-flexible'
import { ApiError, rateLimited } from '../errors.ts'

/** Failed logins of one address, per minute, on REST, sockets and the queue board together. */
export interface LoginLimit {
  /**
   * Runs a check of what an address shows. What is good passes however many failed before: an address may be that of many. Over
   * the limit the check is told that the address is suspect, and a failure is answered 429.
   * @throws ApiError 429 in place of 401; whatever else the check throws
   */
  check<Found>(address: string, verify: (suspect: boolean) => Promise<Found>): Promise<Found>
}

const MINUTE = 60

export function createLoginLimit(perMinute: number): LoginLimit {
  const limiter = new RateLimiterMemory({ points: perMinute, duration: MINUTE })

  async function failure(address: string, refusal: ApiError): Promise<ApiError> {
    const { consumedPoints, msBeforeNext } = await limiter.penalty(address)
    if (consumedPoints <= perMinute) return refusal
    return rateLimited(Math.max(1, Math.ceil(msBeforeNext / 1000)), 'Too many failed logins from this address.')
  }

  return {
    async check(address, verify) {
      const counted = await limiter.get(address)
      try {
        return await verify(counted !== null && counted.consumedPoints >= perMinute)
      } catch (error) {
        // A blocked user and a database that is away are no failed logins.
        if (error instanceof ApiError && error.status === 401) throw await failure(address, error)
        throw error
      }
    },
  }
}

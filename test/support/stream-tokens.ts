import { forbidden, unauthorized } from '../../src/errors.ts'
import { principal, type tokensAreNames } from './stream-server.ts'

/** The clock skew that is allowed. */
export const SKEW_MS = 1_000

/** `alice:62` is a token of Alice that ends in 62 seconds, `alice-pro` one of that tier, `alice-producer` one of that role; Mallory is blocked; of Carol nothing can be found out. */
export const authenticator: typeof tokensAreNames = {
  async stream(token) {
    const [user = '', seconds = '3600'] = token.split(':')
    if (user === 'bad' || user === '') throw unauthorized('The token is not valid.')
    if (user === 'mallory') throw forbidden('This user is blocked.')
    if (user === 'carol') throw new Error('no database')
    const [userId = '', rank] = user.split('-')
    const expiresAt = new Date(Date.now() + Number(seconds) * 1000)
    const role = rank === 'producer' ? 'producer' : 'user'
    return principal(userId, { expiresAt, role, tier: rank === 'pro' ? 'pro' : 'free' })
  },
  recheck: async () => true,
  endOf: ({ expiresAt }) => (expiresAt?.getTime() ?? Number.POSITIVE_INFINITY) + SKEW_MS,
}

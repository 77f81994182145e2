import type { Frame } from './stream-client.ts'
import { principal, tokensAreNames } from './stream-server.ts'

/** `feed` and `root` may publish, others not. */
export const authenticator: typeof tokensAreNames = {
  ...tokensAreNames,
  stream: async (...shown) => {
    const { userId } = await tokensAreNames.stream(...shown)
    if (userId === 'feed') return principal(userId, { role: 'producer' })
    return principal(userId, userId === 'root' ? { role: 'admin' } : {})
  },
}

export const price = (n: number, symbol = 'AAPL') => ({ channel: 'market-data', symbol, data: { n } })

/** The ids of what was published, in the order of the answers. */
export function answered(frames: readonly Frame[]): number[] {
  return frames.flatMap(({ type, id }) => (type === 'published' ? [Number(id)] : []))
}

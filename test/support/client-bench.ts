import assert from 'node:assert/strict'
import { unauthorized, unavailable } from '../../src/errors.ts'
import { createMemoryBackplane } from '../../src/streams/memory-backplane.ts'
import type { OutgoingMessage } from '../../src/streams/publisher.ts'
import { closeClients } from './client-stage.ts'
import { type StreamLink, startLink } from './stream-link.ts'
import { message, prices, principal, startStreams, type TestStreams, tokensAreNames } from './stream-server.ts'

/** Messages of a stream that the server keeps. */
export const KEPT = 50

/** What a suite of the client stands on: the streams of one server, reached over a link, and a new symbol for each test. */
export interface ClientBench {
  system(): TestStreams
  link(): StreamLink
  /** By the link. */
  url(): string
  symbol(): string
  publish(messages: readonly OutgoingMessage[]): Promise<void>
  /** Of the symbol. */
  publishPrices(count: number): Promise<void>
  prediction(userId?: string): OutgoingMessage
  /** What tokens are from here on, until the test ends: `alice-1` and `alice-2` are both Alice's. */
  tokens: { rejected: Set<string>; cannotBeChecked: boolean; expireInMs: number }
}

export function openClientBench(): ClientBench {
  const tokens = newTokens()
  let system: TestStreams
  let link: StreamLink
  let symbols = 0

  before(async () => {
    system = await startStreams({
      backplane: createMemoryBackplane({ messages: KEPT, seconds: 300, bytes: 1024 * 1024 }),
      authenticator: {
        ...tokensAreNames,
        async stream(token) {
          if (tokens.cannotBeChecked) throw unavailable('Away.')
          if (tokens.rejected.has(token)) throw unauthorized('The token is not valid.')
          const [name = ''] = token.split('-')
          return principal(name, { tier: 'pro', expiresAt: new Date(Date.now() + tokens.expireInMs) })
        },
      },
    })
  })
  beforeEach(async () => {
    symbols += 1
    link = await startLink(system.port)
  })
  afterEach(async () => {
    closeClients()
    await link.close()
    Object.assign(tokens, newTokens())
  })
  after(async () => {
    await system.stop()
    assert.deepEqual(
      system.errors.filter((error) => !String(error).includes('Away.')),
      [],
    )
  })

  const symbol = () => `C${symbols}`
  return {
    system: () => system,
    link: () => link,
    url: () => `ws://127.0.0.1:${link.port}`,
    symbol,
    publish: (messages) => system.backplane.publish(messages),
    publishPrices: (count) => system.backplane.publish(prices(symbol(), count)),
    prediction: (userId) => message({ channel: 'predictions', symbol: symbol(), ...(userId ? { userId } : {}) }),
    tokens,
  }
}

function newTokens(): ClientBench['tokens'] {
  return { rejected: new Set(), cannotBeChecked: false, expireInMs: 3_600_000 }
}

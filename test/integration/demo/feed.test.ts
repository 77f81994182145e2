import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startDemoFeed } from '../../../src/demo/feed.ts'
import { openLog } from '../../../src/telemetry/log.ts'

describe('the demo feed', () => {
  let api: Api
  afterEach(() => api.close())

  it('publishes bars, forecasts and events with its token, each event under a key of its own', async () => {
    api = await startApi(() => ({ status: 202 }))
    const feed = await startDemoFeed({ ...options(api), barsPerSecond: 40 })
    await api.waitFor((seen) => seen.filter(({ path }) => path === '/api/v1/events').length >= 4)
    await feed.stop()
    const events = api.seen.filter(({ path }) => path === '/api/v1/events')
    const keys = events.map(({ headers }) => headers['idempotency-key'])
    assert.equal(new Set(keys).size, keys.length)
    assert.ok(events.every(({ headers }) => headers.authorization === 'Bearer a-token'))
    const published = api.seen.find(({ path }) => path === '/api/v1/publish')
    const { messages } = (published?.body ?? { messages: [] }) as { messages: Message[] }
    assert.deepEqual(messages.map(({ channel, symbol }) => `${channel}/${symbol}`).slice(0, 2), [
      'market-data/^GSPC',
      'market-data/AAPL',
    ])
  })

  it('moves AAPL every few seconds at the default pace', async () => {
    api = await startApi(() => ({ status: 202 }))
    const feed = await startDemoFeed({ ...options(api), barsPerSecond: 2 })
    const announcesApple = ({ body }: Seen) => {
      const { event_type, data } = body as { event_type?: string; data?: { symbol: string } }
      const { messages = [] } = body as { messages?: Message[] }
      const streamed = messages.some(({ channel, symbol }) => channel === 'predictions' && symbol === 'AAPL')
      return streamed || (event_type === 'prediction_complete' && data?.symbol === 'AAPL')
    }
    await api.waitFor((seen) => seen.filter(announcesApple).length >= 2)
    await feed.stop()
    const [first, second] = api.seen.filter(announcesApple).map(({ at }) => at)
    assert.ok((second ?? Number.POSITIVE_INFINITY) - (first ?? 0) < 10_000)
  })

  it('waits as long as it is told to, then repeats the same request under the same key', async () => {
    let refusals = 2
    api = await startApi(({ path }) =>
      path === '/api/v1/events' && refusals-- > 0 ? { status: 429, retryAfter: '1' } : { status: 202 },
    )
    const feed = await startDemoFeed({ ...options(api), barsPerSecond: 10 })
    await api.waitFor((seen) => seen.filter(({ path }) => path === '/api/v1/events').length >= 3)
    await feed.stop()
    const [first, second, third] = api.seen.filter(({ path }) => path === '/api/v1/events')
    assert.ok(first && second && third)
    assert.ok(second.at - first.at >= 990 && third.at - second.at >= 990)
    assert.equal(second.headers['idempotency-key'], first.headers['idempotency-key'])
    assert.deepEqual(third.body, first.body)
  })

  it('asks for a new token when the old one has run out', async () => {
    api = await startApi(({ headers }) => ({ status: headers.authorization === 'Bearer fresh' ? 202 : 401 }))
    const tokens = ['stale', 'fresh']
    const token = () => (tokens.length > 1 ? (tokens.shift() ?? '') : 'fresh')
    const feed = await startDemoFeed({ ...options(api), token, barsPerSecond: 10 })
    await api.waitFor((seen) => seen.length >= 3)
    await feed.stop()
    assert.equal(api.seen[0]?.headers.authorization, 'Bearer stale')
    assert.deepEqual(api.seen[1]?.body, api.seen[0]?.body)
  })

  it('goes on with the next bar when one is refused for good', async () => {
    api = await startApi(({ path }) => ({ status: path === '/api/v1/publish' ? 422 : 202 }))
    const feed = await startDemoFeed({ ...options(api), barsPerSecond: 20 })
    await api.waitFor((seen) => seen.filter(({ path }) => path === '/api/v1/publish').length >= 3)
    await feed.stop()
    const bodies = api.seen.filter(({ path }) => path === '/api/v1/publish').map(({ body }) => JSON.stringify(body))
    assert.equal(new Set(bodies).size, bodies.length)
  })

  it('stops at once while it waits for an API that is away', async () => {
    api = await startApi(() => ({ status: 503, retryAfter: '60' }))
    const feed = await startDemoFeed({ ...options(api), barsPerSecond: 10 })
    await api.waitFor((seen) => seen.length >= 1)
    const asked = Date.now()
    await feed.stop()
    assert.ok(Date.now() - asked < 1000)
  })

  it('is off, without an error, when there are no prices', async () => {
    api = await startApi(() => ({ status: 202 }))
    const feed = await startDemoFeed({ ...options(api), barsPerSecond: 1000, prices: { found: false, reason: 'none' } })
    assert.equal(feed.running, false)
    await feed.stop()
    assert.equal(api.seen.length, 0)
  })
})

interface Message {
  channel: string
  symbol: string
}

interface Seen {
  path: string
  headers: IncomingHttpHeaders
  body: unknown
  at: number
}

interface Api {
  url: string
  seen: Seen[]
  waitFor(enough: (seen: Seen[]) => boolean): Promise<void>
  close(): Promise<void>
}

function options(api: Api) {
  return { baseUrl: api.url, token: () => 'a-token', log: openLog({ level: 'silent', name: 'demo' }) }
}

/** Stands in for the API, which has tests of its own. */
async function startApi(answer: (request: Seen) => { status: number; retryAfter?: string }): Promise<Api> {
  const seen: Seen[] = []
  const server: Server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk) => chunks.push(chunk))
    req.on('end', () => {
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString())
      const request = { path: req.url ?? '', headers: req.headers, body, at: Date.now() }
      seen.push(request)
      const { status, retryAfter } = answer(request)
      res.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async waitFor(enough) {
      const deadline = Date.now() + 20_000
      while (!enough(seen)) {
        if (Date.now() > deadline) throw new Error(`only ${seen.length} requests came in 20 s`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

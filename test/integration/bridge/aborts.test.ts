import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import type { Context } from 'koa'
import { type BridgeAndNode, startBoth } from '../../support/bridge-and-node.ts'
import { eventually } from '../../support/eventually.ts'
import { countedSource } from '../../support/raw-bytes.ts'
import { open, speak } from '../../support/raw-http.ts'

const HEAD = 'HTTP/1.1\r\nHost: test\r\n'
const HALF = `POST /read ${HEAD}Content-Length: 50\r\n\r\nhello`
const HALF_IN_CHUNKS = `POST /read ${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`

/** What a handler sees of a client that goes. The requests are sent and, when the handler is `ready`, the connection ends. */
const PHASES: Record<string, string> = {
  'in the middle of the head': `GET /wait HTTP/1.1\r\nHost: te`,
  'in the middle of the body': HALF,
  'in the middle of a chunked body': HALF_IN_CHUNKS,
  'in the middle of a body nobody reads yet': HALF.replace('/read', '/read-late'),
  'while the handler runs': `GET /wait ${HEAD}\r\n`,
  'while the handler runs and the body is read': `POST /read-then-wait ${HEAD}Content-Length: 5\r\n\r\nhello`,
  'while a stream is sent': `GET /stream ${HEAD}\r\n`,
}
/** A body that has come whole can be read whole, so our request itself is in order. */
const NODE_ALSO_ABORTS_THE_REQUEST = ['request aborted', 'request close', 'request error ECONNRESET']
const DIFFERENCES: Record<string, { ours: string[]; node: string[] }> = {
  'while the handler runs': { ours: [], node: NODE_ALSO_ABORTS_THE_REQUEST },
  'while a stream is sent': { ours: [], node: NODE_ALSO_ABORTS_THE_REQUEST },
}

describe('a client that goes', () => {
  let both: BridgeAndNode
  let seen: string[] = []
  const sources: Readable[] = []

  const watch = (ctx: Context) => {
    const events = seen
    for (const name of ['aborted', 'error', 'close'])
      ctx.req.on(name, (error?: { code: string }) => events.push(`request ${name}${error ? ` ${error.code}` : ''}`))
    for (const name of ['finish', 'close']) ctx.res.on(name, () => events.push(`response ${name}`))
    ctx.req.socket.on('close', () => events.push('socket close'))
    return (what: string) => events.push(what)
  }
  const read = async (ctx: Context, say: (what: string) => void) => {
    try {
      for await (const chunk of ctx.req) {
        say(`read ${(chunk as Buffer).length}`)
        say('ready')
      }
      ctx.body = 'read'
    } catch (error) {
      say(`caught ${(error as { code: string }).code}`)
      throw error
    }
  }
  before(async () => {
    both = await startBoth({
      '/wait': async (ctx) => {
        const say = watch(ctx)
        say('ready')
        await once(ctx.res, 'close')
        say(`writable ${ctx.writable}, destroyed ${ctx.res.destroyed}`)
        ctx.body = 'waited'
      },
      '/read': (ctx) => read(ctx, watch(ctx)),
      '/read-late': async (ctx) => {
        const say = watch(ctx)
        say('ready')
        await once(ctx.res, 'close')
        await read(ctx, say)
      },
      '/read-then-wait': async (ctx) => {
        const say = watch(ctx)
        await read(ctx, say)
        await once(ctx.res, 'close')
        say(`writable ${ctx.writable}`)
      },
      '/stream': (ctx) => {
        const say = watch(ctx)
        const { stream } = countedSource(100_000_000, 65_536)
        stream.on('close', () => say('source close'))
        sources.push(stream)
        ctx.body = stream
        say('ready')
      },
      '/stream-sized': (ctx) => {
        const { stream } = countedSource(1_000_000, 65_536)
        sources.push(stream)
        ctx.body = stream
        ctx.length = 1_000_000
      },
      '/destroy-on-data': (ctx) => {
        ctx.respond = false
        ctx.req.once('data', () => ctx.res.destroy())
      },
      '/answer-on-data': (ctx) => {
        ctx.respond = false
        ctx.req.once('data', () => ctx.res.end('enough'))
      },
      '/text': (ctx) => {
        ctx.body = 'text'
      },
    })
  })
  after(() => both.stop())

  const eventsOf = async (port: number, request: string, leave: 'reset' | 'half-close') => {
    seen = []
    const socket = await open(port)
    if (!request.includes('/stream')) socket.resume()
    socket.write(request)
    const reachesHandler = request.includes('\r\n\r\n')
    if (reachesHandler) await eventually(() => seen.includes('ready'))
    if (leave === 'reset') socket.resetAndDestroy()
    else socket.end()
    if (reachesHandler) await eventually(() => seen.includes('response close'))
    await setTimeout(60)
    socket.destroy()
    return seen.sort()
  }

  for (const [phase, request] of Object.entries(PHASES)) {
    for (const leave of ['reset', 'half-close'] as const) {
      // What is on its way is in front of the FIN, so with nobody reading a stream that one is not heard.
      if (phase === 'while a stream is sent' && leave === 'half-close') continue
      it(`${phase} with a ${leave} is noticed as by node:http`, async () => {
        const { ours = [], node = [] } = DIFFERENCES[phase] ?? {}
        const bridged = await eventsOf(both.bridge, request, leave)
        const native = await eventsOf(both.node, request, leave)
        assert.deepEqual(only(bridged, native), ours)
        assert.deepEqual(only(native, bridged), node)
      })
    }
  }

  it('ends the source of a stream', () => {
    assert.ok(sources.length > 0)
    assert.ok(sources.every((source) => source.destroyed))
  })

  it('after a half-close of a whole request has its answer if that is ready', async () => {
    for (const port of [both.bridge, both.node]) {
      const { answers, connection } = await speak(port, [`GET /text ${HEAD}\r\n`], { halfClose: true })
      assert.deepEqual([answers[0]?.body.toString(), connection], ['text', 'ended'])
    }
  })

  for (const [path, outcome] of Object.entries({ '/destroy-on-data': [], '/answer-on-data': ['enough'] })) {
    it(`may be left by the handler between two chunks of one packet (${path})`, async () => {
      const chunks = '5\r\nhello\r\n'.repeat(500)
      for (let round = 0; round < 50; round += 1) {
        const request = `POST ${path} ${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`
        const { answers } = await speak(both.bridge, [request], { answers: 1 })
        assert.deepEqual(
          answers.map(({ body }) => body.toString()),
          outcome,
        )
      }
    })
  }

  it('at any moment leaves no exchange and no source behind', async () => {
    const requests = [
      ...Object.values(PHASES),
      `GET /stream-sized ${HEAD}\r\n`,
      `GET /stream-sized ${HEAD}Connection: close\r\n\r\n`,
      `POST /text ${HEAD}Content-Length: 900000\r\n\r\n${'x'.repeat(90_000)}`,
    ]
    const leaving = fc.record({ request: fc.constantFrom(...requests), cut: fc.nat(200), afterMs: fc.nat(40) })
    const all = fc.sample(leaving, { numRuns: 600, seed: 3 })
    while (all.length > 0) {
      await Promise.all(
        all.splice(0, 60).map(async ({ request, cut, afterMs }) => {
          const socket = await open(both.bridge)
          socket.write(request.slice(0, request.length - Math.min(cut % 50, request.length - 1)))
          await setTimeout(afterMs)
          if (cut % 2) socket.resetAndDestroy()
          else socket.destroy()
        }),
      )
    }
    const startedAt = performance.now()
    await both.listener.drain(5_000)
    assert.ok(performance.now() - startedAt < 2_000)
    await eventually(() => sources.every((source) => source.destroyed))
    assert.deepEqual(both.errors, [])
  })
})

function only(some: readonly string[], others: readonly string[]): string[] {
  return some.filter((one) => !others.includes(one))
}

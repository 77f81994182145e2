import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { type BridgeAndNode, startBoth } from '../../support/bridge-and-node.ts'
import { eventually } from '../../support/eventually.ts'
import { parseAnswers, type RawAnswer } from '../../support/raw-answers.ts'
import { type CountedSource, countedSource, misplacedAt } from '../../support/raw-bytes.ts'
import { open, speak } from '../../support/raw-http.ts'

const MB = 1_000_000
/** What the two kernels take of a connection nobody reads from, on loopback. */
const KERNEL_BYTES = 12 * MB

describe('a streamed answer', () => {
  let both: BridgeAndNode
  let source: CountedSource
  before(async () => {
    both = await startBoth({
      '/stream': (ctx) => {
        const total = Number(ctx.query['total'])
        source = countedSource(total, Number(ctx.query['chunk']))
        ctx.body = source.stream
        if (ctx.query['sized']) ctx.length = total
      },
      '/write-once': async (ctx) => {
        ctx.respond = false
        ctx.res.write(Buffer.alloc(8 * MB, 'a'))
        await setTimeout(2_000)
        ctx.res.end('b')
      },
      '/drain': async (ctx) => {
        ctx.respond = false
        for (let left = 20; left > 0; left -= 1) if (!ctx.res.write(Buffer.alloc(MB))) await once(ctx.res, 'drain')
        ctx.res.end()
      },
      '/next': (ctx) => {
        ctx.body = 'next'
      },
    })
  })
  after(() => both.stop())

  for (const chunk of [1_000, 65_536, 1_000_000]) {
    for (const sized of ['', '&sized=1']) {
      it(`reaches a slow reader whole in chunks of ${chunk} bytes${sized && ' with a declared length'}`, async () => {
        const total = 16 * MB
        const answer = await readSlowly(both.bridge, `/stream?total=${total}&chunk=${chunk}${sized}`, total)
        assert.equal(answer.complete, true)
        assert.equal(answer.body.length, total)
        assert.equal(misplacedAt(answer.body), -1)
      })
    }
  }

  for (const sized of ['', '&sized=1']) {
    it(`of 50 MB${sized && ' with a declared length'} is not pulled while nobody reads`, async () => {
      const socket = await open(both.bridge)
      socket.pause()
      socket.write(get(`/stream?total=${50 * MB}&chunk=100000${sized}`))
      await setTimeout(300)
      const pulled = source.pulled()
      await setTimeout(300)
      assert.equal(source.pulled(), pulled)
      assert.ok(pulled < KERNEL_BYTES, `${pulled} bytes were pulled`)
      socket.resetAndDestroy()
      await eventually(() => source.stream.destroyed)
    })
  }

  it('goes out without another write', async () => {
    const socket = await open(both.bridge)
    let heard = 0
    socket.write(get('/write-once'))
    socket.pause()
    await setTimeout(200)
    socket.on('data', (bytes) => {
      heard += bytes.length
    })
    socket.resume()
    await eventually(() => heard > 8 * MB, { timeoutMs: 1_200 })
    socket.destroy()
  })

  it('is told of each time that there is room again', async () => {
    const { answers } = await speak(both.bridge, [get('/drain')], { patienceMs: 10_000 })
    assert.equal(answers[0]?.body.length, 20 * MB)
  })

  it('leaves the connection ready for the next request', async () => {
    const pieces = [
      get('/stream?total=100000&chunk=1000'),
      get('/next'),
      get('/stream?total=100000&chunk=1000&sized=1'),
      get('/next'),
    ]
    const { answers } = await speak(both.bridge, pieces, { answers: 4, betweenMs: 100 })
    assert.deepEqual(
      answers.map(({ body }) => body.length),
      [100_000, 4, 100_000, 4],
    )
  })
})

function get(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: test\r\n\r\n`
}

/** Stops reading for a moment after every half megabyte. */
async function readSlowly(port: number, target: string, total: number): Promise<RawAnswer> {
  const socket = await open(port)
  const chunks: Buffer[] = []
  let heard = 0
  let rested = 0
  socket.write(get(target))
  const parse = () => parseAnswers(Buffer.concat(chunks), { bodiless: false, over: false }).answers[0]
  return new Promise((resolve) => {
    socket.on('data', (bytes) => {
      chunks.push(bytes)
      heard += bytes.length
      if (heard >= total) {
        const answer = parse()
        if (answer?.complete) {
          socket.destroy()
          resolve(answer)
        }
      } else if (heard - rested > MB / 2) {
        rested = heard
        socket.pause()
        globalThis.setTimeout(() => socket.resume(), 3)
      }
    })
  })
}

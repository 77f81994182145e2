import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.ts'
import { type ProcfileSystem, startProcfileSystem } from '../support/procfile-system.ts'
import type { Frame } from '../support/stream-client.ts'

const CLIENTS = 30
/** Of a connection that failed before it had a frame: its process had just stopped listening. */
const AGAIN_MS = 200

/** A client as the documentation asks for it: comes back when it was told to, and goes on after what it had. */
interface Follower {
  frames: Frame[]
  codes: number[]
  stop(): Promise<void>
}

describe('web processes that are restarted one after another under load', function () {
  this.timeout(240_000)

  let system: ProcfileSystem
  const followers: Follower[] = []
  before(async () => {
    system = await startProcfileSystem({ webs: 2, settings: { STREAMS_ANONYMOUS: 'predictions' } })
  })
  after(async () => {
    await Promise.all(followers.map((follower) => follower.stop()))
    await system?.stop()
  })

  it('leave every client with a complete sequence, each message once', async () => {
    for (let n = 0; n < CLIENTS; n += 1) followers.push(follow(`ws://${system.host}/ws/predictions/AAPL`))
    await eventually(() => assert.ok(followers.every(({ frames }) => frames.length > 0)))
    const load = startLoad()
    for (const web of [...system.webs]) {
      await web.kill('SIGTERM')
      assert.equal(await web.ended(), 0)
      await system.startWeb()
      // Those that were sent away are back before the next one goes.
      const seen = followers.map(({ frames }) => frames.length)
      await eventually(() => assert.ok(followers.every(({ frames }, at) => frames.length > (seen[at] ?? 0))), {
        timeoutMs: 60_000,
      })
    }
    const published = await load.stop()
    await eventually(() => assert.ok(followers.every(({ frames }) => lastNumber(frames) === published)), {
      timeoutMs: 60_000,
    })
    for (const { frames } of followers) assertComplete(frames, published)
    const codes = followers.flatMap((follower) => follower.codes)
    assert.ok(codes.length >= CLIENTS, `each process closed its sockets: ${codes.length}`)
    assert.deepEqual(new Set(codes), new Set([4501]))
  })

  /** Publishes one prediction after another; what got no answer is sent again, so it may be there twice. */
  function startLoad(): { stop(): Promise<number> } {
    let running = true
    const token = system.token('feed', 'producer')
    const publishing = (async () => {
      let n = 0
      while (running) {
        n += 1
        while (!(await publish(token, n))) await setTimeout(50)
        await setTimeout(5)
      }
      return n
    })()
    return {
      stop() {
        running = false
        return publishing
      },
    }
  }

  async function publish(token: string, n: number): Promise<boolean> {
    const data = { predicted_price: 1, predicted_return: 0, confidence: 0.5, n }
    try {
      const response = await fetch(`${system.base}/api/v1/publish`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ messages: [{ channel: 'predictions', symbol: 'AAPL', data }] }),
      })
      await response.text()
      return response.status === 202
    } catch {
      return false
    }
  }
})

function follow(url: string): Follower {
  const frames: Frame[] = []
  const codes: number[] = []
  let epoch: unknown
  let seq = 0
  let socket: WebSocket | undefined
  let stopped = false

  /** @returns after how many ms to come back */
  async function connectOnce(): Promise<number> {
    const before = frames.length
    socket = new WebSocket(epoch === undefined ? url : `${url}?since=${seq}&epoch=${epoch}`)
    socket.on('error', () => undefined)
    socket.on('message', (bytes) => {
      const frame: Frame = JSON.parse(String(bytes))
      frames.push(frame)
      if (frame.type === 'prediction_update') seq = Number(frame.seq)
      if (frame.type !== 'connected' || epoch !== undefined) return
      epoch = frame['epoch']
      seq = Number(frame.seq)
    })
    const [code, reason] = await new Promise<[number, string]>((resolve) =>
      socket?.once('close', (...ending) => resolve([ending[0], String(ending[1])])),
    )
    // A handshake that was refused, or whose connection nobody took any more.
    if (frames.length === before) return AGAIN_MS
    if (!stopped) codes.push(code)
    return reason === '' ? AGAIN_MS : Number(JSON.parse(reason).retry_after_ms)
  }

  const following = (async () => {
    while (!stopped) {
      const ms = await connectOnce()
      if (!stopped) await setTimeout(ms)
    }
  })()
  return {
    frames,
    codes,
    stop() {
      stopped = true
      socket?.close()
      return following
    },
  }
}

const updates = (frames: readonly Frame[]) => frames.filter(({ type }) => type === 'prediction_update')

/** The number in the data of the last message. */
function lastNumber(frames: readonly Frame[]): number {
  return (updates(frames).at(-1)?.['data'] as { n: number } | undefined)?.n ?? 0
}

function assertComplete(frames: readonly Frame[], published: number): void {
  assert.deepEqual(
    frames.filter(({ type }) => type === 'gap'),
    [],
  )
  const numbers = updates(frames).map(({ seq }) => seq)
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  )
  const told = new Set(updates(frames).map(({ data }) => (data as { n: number }).n))
  assert.deepEqual(
    [...told],
    Array.from({ length: published }, (_, index) => index + 1),
  )
}

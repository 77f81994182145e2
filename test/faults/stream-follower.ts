import { setTimeout } from 'node:timers/promises'
import { WebSocket } from 'ws'

/** A client as the documentation asks for it, that looks at the number of every message. */
export interface StreamFollower {
  /** `n` of the last message. */
  last(): number
  /** What was said of holes. */
  gaps(): number
  /** What must not be; nothing for a sequence that is complete or says where it is not. */
  complaints(): string[]
  stop(): Promise<void>
}

const AGAIN_MS = 200
const MOST_COMPLAINTS = 5

export function followStream(url: string, name: string): StreamFollower {
  const complaints: string[] = []
  let at: { epoch: string; seq: number } | null = null
  let last = 0
  let gaps = 0
  let hasGap = false
  let socket: WebSocket | undefined
  let stopped = false

  function complain(text: string): void {
    if (complaints.length < MOST_COMPLAINTS) complaints.push(`${name}: ${text}`)
  }

  function hear(frame: { type: string; epoch: string; seq: number; to: number | null; data: { n: number } }): void {
    if (frame.type === 'connected') at ??= { epoch: frame.epoch, seq: frame.seq }
    if (frame.type === 'gap') {
      gaps += 1
      hasGap = true
      at = { epoch: frame.epoch, seq: frame.seq }
    }
    if (frame.type !== 'prediction_update' || at === null) return
    if (frame.seq !== at.seq + 1) complain(`${frame.seq} came after ${at.seq}`)
    at.seq = frame.seq
    const { n } = frame.data
    // What got no answer was published again, so a message may be there twice; only where a gap was told may one be missing.
    if (n > last + 1 && !hasGap) complain(`message ${n} came after ${last}`)
    if (n > last) last = n
    hasGap = false
  }

  /** @returns after how many ms to come back */
  async function connectOnce(): Promise<number> {
    socket = new WebSocket(at === null ? url : `${url}?since=${at.seq}&epoch=${at.epoch}`)
    socket.on('error', () => undefined)
    socket.on('message', (bytes) => hear(JSON.parse(String(bytes))))
    const [code, reason] = await new Promise<[number, string]>((resolve) =>
      socket?.once('close', (...ending) => resolve([ending[0], String(ending[1])])),
    )
    if (code >= 4400 && code < 4500) complain(`closed with ${code} ${reason}`)
    return Number(/"retry_after_ms":(\d+)/.exec(reason)?.[1] ?? AGAIN_MS)
  }

  const following = (async () => {
    while (!stopped) {
      const ms = await connectOnce()
      if (!stopped) await setTimeout(ms)
    }
  })()
  return {
    last: () => last,
    gaps: () => gaps,
    complaints: () => complaints,
    stop() {
      stopped = true
      socket?.close()
      return following
    },
  }
}

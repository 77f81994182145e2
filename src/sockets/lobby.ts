import type { WebSocket } from 'uWebSockets.js'
import type { StreamMetrics } from '../telemetry/stream-metrics.ts'
import type { Arrival, Visitor } from './admission.ts'
import { CLOSE, retryAfter } from './close-codes.ts'

/** Sockets whose token is being checked. What they send meanwhile waits, and is read in its order once they are let in. */
export interface Lobby {
  enter(socket: WebSocket<Arrival>): void
  /** @returns whether the socket is here, so that its frame waits */
  hold(socket: WebSocket<Arrival>, bytes: ArrayBuffer, isBinary: boolean): boolean
  size(): number
  /** The socket is gone. */
  leave(socket: WebSocket<Arrival>): void
}

/** A producer may send its largest frame at once. */
const MOST_BYTES_HELD = 1024 * 1024
const MOST_FRAMES_HELD = 1_000

interface Waiting {
  frames: [bytes: ArrayBuffer, isBinary: boolean][]
  bytes: number
}

export function createLobby(deps: {
  /** Lets the socket in or closes it. */
  judged: (socket: WebSocket<Arrival>, visitor: Visitor) => void
  read: (socket: WebSocket<Arrival>, bytes: ArrayBuffer, isBinary: boolean) => void
  metrics: Pick<StreamMetrics, 'limited'>
  onError: (error: unknown) => void
}): Lobby {
  const waiting = new Map<WebSocket<Arrival>, Waiting>()

  function leaveWith(socket: WebSocket<Arrival>, verdict: Visitor['verdict']): void {
    const here = waiting.get(socket)
    if (!here) return
    waiting.delete(socket)
    const { address, connectionId } = socket.getUserData()
    socket.cork(() => {
      deps.judged(socket, { address, connectionId, verdict })
      for (const [bytes, isBinary] of here.frames) deps.read(socket, bytes, isBinary)
    })
  }

  return {
    enter(socket) {
      waiting.set(socket, { frames: [], bytes: 0 })
      const { judging } = socket.getUserData()
      judging.then((verdict) => leaveWith(socket, verdict)).catch(deps.onError)
    },
    hold(socket, bytes, isBinary) {
      const here = waiting.get(socket)
      if (!here) return false
      here.bytes += bytes.byteLength
      const isTooMuch = here.bytes > MOST_BYTES_HELD || here.frames.length === MOST_FRAMES_HELD
      if (isTooMuch) {
        deps.metrics.limited('messages')
        leaveWith(socket, { code: CLOSE.tooMany, reason: retryAfter(1000) })
      } else {
        // The library takes the bytes back.
        here.frames.push([bytes.slice(0), isBinary])
      }
      return true
    },
    size: () => waiting.size,
    leave: (socket) => void waiting.delete(socket),
  }
}

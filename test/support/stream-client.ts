import { once } from 'node:events'
import { type ClientOptions, WebSocket } from 'ws'
import { documentedFrame } from './documented-frame.ts'
import { eventually } from './eventually.ts'

export interface Frame {
  type: string
  seq?: number
  [field: string]: unknown
}

export interface Ending {
  code: number
  reason: string
}

/** A client of the streams that keeps every frame. */
export interface StreamClient {
  socket: WebSocket
  frames: Frame[]
  /** Of the frames that have one, apart from snapshots. */
  numbers(): number[]
  /** The next frame of the type after those that were waited for before. */
  next(type: string): Promise<Frame>
  send(frame: unknown): void
  ended: Promise<Ending>
  close(): Promise<Ending>
}

export function openClient(
  url: string,
  { protocols = [], ...options }: ClientOptions & { protocols?: string[] } = {},
): StreamClient {
  const socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options })
  const frames: Frame[] = []
  let waitedFor = 0
  socket.on('message', (bytes) => void frames.push(documentedFrame(JSON.parse(String(bytes)))))
  const ended = Promise.race([
    once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) })),
    once(socket, 'error').then(([error]) => Promise.reject(error)),
  ])
  ended.catch(() => undefined)
  return {
    socket,
    frames,
    numbers: () =>
      frames.flatMap(({ seq, type, snapshot }) => (type.endsWith('_update') && !snapshot ? [seq ?? 0] : [])),
    next: (type) =>
      eventually(
        () => {
          const index = frames.findIndex((frame, at) => at >= waitedFor && frame.type === type)
          if (index < 0) throw new Error(`No ${type} in ${JSON.stringify(frames.slice(waitedFor))}`)
          waitedFor = index + 1
          return frames[index] as Frame
        },
        { everyMs: 2 },
      ),
    send: (frame) => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    ended,
    close() {
      socket.close()
      return ended
    },
  }
}

/** Resolves when the socket has its first frame. */
export async function connectClient(url: string, options?: ClientOptions): Promise<StreamClient> {
  const client = openClient(url, options)
  await Promise.race([client.next('connected'), client.ended.then(rejectEnding)])
  return client
}

function rejectEnding({ code, reason }: Ending): never {
  throw new Error(`Closed with ${code} ${reason}`)
}

/** The status that a handshake is refused with. */
export async function refusedHandshake(
  url: string,
  options: ClientOptions = {},
): Promise<{ status: number; retryAfter: string | undefined }> {
  const socket = new WebSocket(url, options)
  socket.on('error', () => undefined)
  const [request, response] = await once(socket, 'unexpected-response')
  request.destroy()
  return { status: response.statusCode, retryAfter: response.headers['retry-after'] }
}

import { WebSocket } from 'undici'
import type { SocketClass } from '../../client/src/socket-class.ts'
import { connectStreams, type StreamClient } from '../../client/src/stream-client.ts'
import { CommandFailed } from './failures.ts'
import type { Server } from './server.ts'
import type { Terminal } from './terminal.ts'

/** Of Node 20, which has none built in, this is the one in the house. */
const Socket = WebSocket as unknown as SocketClass

/** RFC 6455: all that is known of a connection that was not made. */
const WITHOUT_A_CODE = 1006

/** A client on the streams of a server, which comes back by itself and tells of what it could not have. */
export function openStreams(server: Server, out: Terminal): StreamClient {
  const token = server.token === undefined ? {} : { token: server.token }
  const client = connectStreams({ url: server.streams, WebSocket: Socket, ...token })
  let wasOpen = false
  client.on('state', ({ state, code, reason, retryInMs }) => {
    if (state === 'open') wasOpen = true
    if (state !== 'waiting') return
    const isReached = wasOpen || code !== WITHOUT_A_CODE
    const lost = `The connection was lost (${[code, reason].filter(Boolean).join(' ')})`
    out.note(`${isReached ? lost : `The server at ${server.url} cannot be reached`}; again in ${retryInMs} ms.`)
    wasOpen = false
  })
  client.on('error', ({ code, message }) => out.note(`${code}: ${message}`))
  return client
}

/** Resolves when it was asked to end; closes the client in any case. @throws CommandFailed when the server will not have it */
export async function untilStopped(client: StreamClient, signal: AbortSignal): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      if (signal.aborted) return resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
      client.on('state', ({ state, code, reason }) => {
        if (state !== 'closed') return
        if (code === undefined) resolve()
        else reject(new CommandFailed(`The server closed the stream: ${code} ${reason ?? ''}`.trim()))
      })
      client.on('rejected', ({ channel, symbol, code, message }) => {
        const name = symbol === null ? channel : `${channel}/${symbol}`
        reject(new CommandFailed(`${name} was refused: ${code} ${message}`))
      })
    })
  } finally {
    client.close()
  }
}

import { WebSocket } from 'ws'
import type { StateChange } from '../../client/src/client-events.ts'
import type { StreamMessage } from '../../client/src/server-frames.ts'
import { connectStreams, type StreamClient } from '../../client/src/stream-client.ts'
import type { StreamClientOptions } from '../../client/src/stream-client-options.ts'
import { eventually } from './eventually.ts'

/** A client with all that it told, in order. */
export interface WatchedClient {
  client: StreamClient
  states: StateChange[]
  told: unknown[]
  until(state: StateChange['state']): Promise<StateChange>
}

const open = new Set<StreamClient>()

/** A client on the WebSocket of `ws`, in a hurry: it comes back after the shortest time. */
export function startClient(options: StreamClientOptions): WatchedClient {
  const client = connectStreams({ WebSocket, random: () => 0, ...options })
  const states: StateChange[] = []
  const told: unknown[] = []
  open.add(client)
  client.on('state', (change) => void states.push(change))
  for (const name of ['gap', 'rejected', 'error', 'degraded', 'restored'] as const) {
    client.on(name, (event) => void told.push({ name, ...event }))
  }
  return {
    client,
    states,
    told,
    async until(state) {
      await eventually(() => client.state === state)
      return states.findLast((change) => change.state === state) as StateChange
    },
  }
}

export function closeClients(): void {
  for (const client of open) client.close()
  open.clear()
}

/** The numbers of messages in the order they came, snapshots marked. */
export function numbersOf(messages: readonly StreamMessage[]): (number | string)[] {
  return messages.map(({ seq, snapshot }) => (snapshot === true ? `snapshot ${seq}` : seq))
}

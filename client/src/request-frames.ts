import type { Request } from './outbox.ts'
import type { Channel } from './server-frames.ts'

export interface StreamEntry {
  channel: Channel
  symbol?: string
  snapshot?: boolean
  conflate_ms?: number
  since?: number
  epoch?: string
  user_since?: number
  user_epoch?: string
}

/** The server takes 64 KiB and 1,000 entries. */
const MOST_BYTES = 60 * 1024
const MOST_ENTRIES = 1_000

/** @param id comes back with the answers */
export function requestFrames(
  type: 'subscribe' | 'unsubscribe',
  id: number,
  entries: readonly StreamEntry[],
): Request[] {
  return inLists(entries).map((subscriptions) => ({
    frame: { type, id, subscriptions },
    entries: subscriptions.length,
  }))
}

function inLists(entries: readonly StreamEntry[]): StreamEntry[][] {
  const lists: StreamEntry[][] = []
  let bytes = MOST_BYTES
  for (const entry of entries) {
    const more = new TextEncoder().encode(JSON.stringify(entry)).length + 1
    if (bytes + more > MOST_BYTES || lists.at(-1)?.length === MOST_ENTRIES) {
      lists.push([])
      bytes = 0
    }
    lists.at(-1)?.push(entry)
    bytes += more
  }
  return lists
}

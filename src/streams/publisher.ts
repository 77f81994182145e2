import type { Channel } from '../config.ts'

/** What publishers hand to the backplane: one message, not numbered yet. */
export interface OutgoingMessage {
  channel: Channel
  /** Upper-cased; null on `alerts`. */
  symbol: string | null
  /** The finished JSON text of `data`. */
  data: string
  /** RFC 3339, UTC, milliseconds. */
  timestamp: string
  /** `evt_…` when the message is a stored event. */
  eventId?: string
  /** Only this user's sockets get it, on a stream numbered apart. */
  userId?: string
  /** Announced more than 30 s after it was accepted. */
  late?: boolean
}

export interface Publisher {
  /**
   * Numbers, keeps and sends messages in the order given; resolves when the backplane has them.
   * @throws BackplaneAway when it cannot be reached
   */
  publish(messages: readonly OutgoingMessage[]): Promise<void>
}

export class BackplaneAway extends Error {
  constructor(cause?: unknown) {
    super('The backplane cannot be reached.', { cause })
    this.name = 'BackplaneAway'
  }
}

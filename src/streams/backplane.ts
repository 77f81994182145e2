import type { Publisher } from './publisher.ts'

/** Where the numbering of a stream stands in this process. */
export interface Position {
  /** Changes when the numbers could have gone back. */
  epoch: string
  /** Of the last message that was heard; 0 before the first. */
  seq: number
  /** The frame of that message, if it is still kept. */
  last: string | null
}

export interface Numbered {
  seq: number
  frame: string
}

/** What a followed stream brings, in the order of its numbers. */
export type Heard = Message | Gap

export interface Message extends Numbered {
  kind: 'frame'
  stream: string
  /** When it was published: Unix milliseconds of the publisher's clock. */
  at: number
}

/** Messages `from`..`to` cannot be had; `to` is null when the numbering itself began anew under another epoch. */
export interface Gap {
  kind: 'gap'
  stream: string
  from: number
  to: number | null
  epoch: string
  /** The next message has the number after this. */
  seq: number
}

/** A slice of what is kept of a stream. */
export interface History {
  epoch: string
  /** Of the stream's last message. */
  seq: number
  /** Consecutive, the oldest first; they begin later than asked for where the history does. */
  messages: readonly Numbered[]
}

/** How much is kept of each stream for those who resume. */
export interface HistoryLimits {
  messages: number
  seconds: number
}

/** Carries messages between the web processes of a deployment, numbered per stream over all of them. */
export interface Backplane extends Publisher {
  /** Told of everything on followed streams; set once, before the first `follow`. */
  onHeard(listener: (heard: Heard) => void): void
  /**
   * Hears a stream from now on. After it resolves, `position` is up to date in every later moment, so who reads it and joins
   * in one go has neither a hole nor a repeat.
   * @throws BackplaneAway
   */
  follow(stream: string): Promise<void>
  /** Null for a stream that is not followed. */
  position(stream: string): Position | null
  /**
   * Hears what other processes know of a followed stream already, if it is more.
   * @throws BackplaneAway
   */
  refresh(stream: string): Promise<void>
  /**
   * What is kept after a number, at most `most` messages.
   * @throws BackplaneAway
   */
  history(stream: string, after: number, most: number): Promise<History>
  unfollow(stream: string): void
  /**
   * Hears every stream of market data from now on, also those whose first message is still to come.
   * @throws BackplaneAway
   */
  followAll(): Promise<void>
  unfollowAll(): void
  /** The streams that are heard because all are followed. */
  named(): string[]
  /** Rejects while the backplane is away; for readiness. */
  check(): Promise<void>
  close(): Promise<void>
}

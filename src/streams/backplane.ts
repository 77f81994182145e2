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

/** What a followed stream brings, in the order of its numbers. */
export type Heard =
  | { kind: 'frame'; stream: string; frame: string }
  /** Messages `from`..`to` cannot be had; `to` is null when the numbering itself began anew under another epoch. */
  | { kind: 'gap'; stream: string; from: number; to: number | null; epoch: string; seq: number }

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
  unfollow(stream: string): void
  /** Rejects while the backplane is away; for readiness. */
  check(): Promise<void>
  close(): Promise<void>
}

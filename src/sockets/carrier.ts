/** What brings a subscriber its frames: a WebSocket of uWebSockets.js, or a response that goes on. */
export interface Carrier {
  send(frame: string): void
  /** What is sent in between goes out together. */
  cork(work: () => void): void
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  /** Bytes that the client has not taken. */
  getBufferedAmount(): number
  ping(): void
  /** Says why, and closes. */
  end(code: number, reason: string): void
  /** Closes at once. */
  close(): void
}

/** As much of a WebSocket as is used here: that of browsers, of Node 22 and of the package `ws` all have it. */
export interface SocketLike {
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  send(text: string): void
  close(code?: number, reason?: string): void
}

export type SocketClass = new (url: string, protocols?: string[]) => SocketLike

/** @throws TypeError where there is none, as in Node before 22 */
export function socketClass(given: SocketClass | undefined): SocketClass {
  const found = given ?? (globalThis as { WebSocket?: SocketClass }).WebSocket
  if (found) return found
  throw new TypeError('There is no WebSocket here: give one as the option WebSocket, such as that of the package ws.')
}

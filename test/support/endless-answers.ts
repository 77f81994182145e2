import type { Socket } from 'node:net'

const PIECE_BYTES = 64 * 1024

/** Answers with `head`, then with `piece` over and over for as long as anybody reads. */
export function endlessly(head: string, piece: string, onSent: (bytes: number) => void = () => undefined) {
  const pieces = Buffer.from(piece.repeat(Math.ceil(PIECE_BYTES / piece.length)), 'latin1')
  return (socket: Socket) => {
    const more = () => {
      do onSent(pieces.length)
      while (socket.writable && socket.write(pieces))
    }
    socket.write(head)
    socket.on('drain', more)
    more()
  }
}

/** Answers with these bytes at once, each character one of them. */
export function now(text: string, end = false) {
  return (socket: Socket) => {
    socket.write(Buffer.from(text, 'latin1'))
    if (end) socket.end()
  }
}

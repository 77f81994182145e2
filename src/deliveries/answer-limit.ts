import type { Socket } from 'node:net'

/** What ends a connection whose peer sends without end. */
export class AnswerTooLong extends Error {}

/**
 * The longest body that is read, in chunks of one byte each, and the longest headers. What is measured elsewhere has limits of
 * its own; this one holds for all that nobody measures: hints before the answer, the reason of a status, extensions of chunks.
 */
export const LONGEST_ANSWER = 512 * 1024

/** Ends the connection once its peer has sent more than an answer can have since the last request was written. */
export function limitAnswers(socket: Socket): void {
  let written = 0
  let readBefore = 0
  let read = 0
  socket.on('readable', () => {
    if (socket.bytesWritten !== written) readBefore = read
    written = socket.bytesWritten
    read = socket.bytesRead
    if (read - readBefore > LONGEST_ANSWER) socket.destroy(new AnswerTooLong())
  })
}

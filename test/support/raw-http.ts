import { connect, type Socket } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { eventually } from './eventually.ts'
import { parseAnswers, type RawAnswer } from './raw-answers.ts'

export interface Dialogue {
  answers: RawAnswer[]
  /** How the other side left the connection when we stopped listening. */
  connection: 'kept' | 'ended' | 'reset'
  /** Bytes that belong to no answer. */
  rest: Buffer
}

export interface Manner {
  /** Between two pieces; 0 is one turn of the event loop. */
  betweenMs?: number
  /** Sends FIN after the last piece. */
  halfClose?: boolean
  /** Sends RST this long after the last piece. */
  resetAfterMs?: number
  /** Stops listening as soon as there are so many complete answers. */
  answers?: number
  /** Stops listening when nothing has come for so long, once there was an answer. */
  quietMs?: number
  /** Stops listening in any case. */
  patienceMs?: number
  /** The requests are HEAD: their answers have no body. */
  bodiless?: boolean
}

/** Sends bytes as they are and gives back what came. Strings are Latin-1. */
export async function speak(
  port: number,
  pieces: readonly (string | Buffer)[],
  manner: Manner = {},
): Promise<Dialogue> {
  const socket = await open(port)
  const heard = listenTo(socket, manner)
  try {
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await (manner.betweenMs ? setTimeout(manner.betweenMs) : setImmediate())
      if (socket.destroyed) break
      socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
    }
    if (manner.halfClose) socket.end()
    if (manner.resetAfterMs !== undefined) {
      await setTimeout(manner.resetAfterMs)
      socket.resetAndDestroy()
    }
    return await heard
  } finally {
    socket.destroy()
  }
}

/** Sends each request when the answer to the one before has come; gives up when the connection ends. */
export async function speakInTurn(
  port: number,
  requests: readonly string[],
  { bodiless = false }: Pick<Manner, 'bodiless'> = {},
): Promise<RawAnswer[]> {
  const socket = await open(port)
  const chunks: Buffer[] = []
  let over = false
  const heard = () =>
    parseAnswers(Buffer.concat(chunks), { bodiless, over }).answers.filter(({ status }) => status >= 200)
  const end = () => {
    over = true
  }
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('end', end).on('close', end)
  for (const [index, request] of requests.entries()) {
    socket.write(Buffer.from(request, 'latin1'))
    await eventually(() => over || heard()[index]?.complete === true, { everyMs: 2 })
  }
  socket.destroy()
  return heard()
}

export async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  socket.removeAllListeners('error')
  socket.on('error', () => undefined)
  return socket
}

const QUIET_TICKS = 5

/** Settles when the other side has ended, enough answers are there, or nothing more seems to come. */
function listenTo(socket: Socket, manner: Manner): Promise<Dialogue> {
  const { answers: enough = Number.POSITIVE_INFINITY, quietMs = 40, patienceMs = 1_500, bodiless = false } = manner
  const chunks: Buffer[] = []
  const parse = (over: boolean) => parseAnswers(Buffer.concat(chunks), { bodiless, over })
  return new Promise((resolve, reject) => {
    let quiet: NodeJS.Timeout | undefined
    let quietTicks = 0
    const patience = globalThis.setTimeout(() => settle('kept'), patienceMs)
    const settle = (connection: Dialogue['connection']) => {
      clearInterval(quiet)
      clearTimeout(patience)
      try {
        resolve({ ...parse(connection !== 'kept'), connection })
      } catch (error) {
        reject(error)
      }
    }
    const settleIf = (complete: (count: number) => boolean) => {
      const { answers } = parse(false)
      if (answers.every((one) => one.complete) && complete(answers.length)) settle('kept')
    }
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      clearInterval(quiet)
      if (enough < Number.POSITIVE_INFINITY) return settleIf((count) => count >= enough)
      // Several ticks, since a busy event loop makes one alone come before what has long been sent.
      quietTicks = 0
      quiet = setInterval(() => {
        quietTicks += 1
        if (quietTicks === QUIET_TICKS) settleIf((count) => count > 0)
      }, quietMs / QUIET_TICKS)
    })
    socket.once('end', () => settle('ended'))
    socket.once('error', () => settle('reset'))
    socket.once('close', () => settle('ended'))
  })
}

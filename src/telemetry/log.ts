import { destination, type Logger as Pino, pino } from 'pino'
import { messageOf } from '../message-of.ts'

export type Logger = Pick<Pino, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

const SECRETS = ['authorization', 'x-api-key', 'cookie', 'token', 'secret', 'password', 'ticket', 'url.query']
const MOST_WAITING = 1024 * 1024

/** JSON lines on stderr, so that what a command prints for people stays alone on stdout. */
export function openLog(options: { level: string; name: string }): Logger {
  return pino(
    {
      name: options.name,
      level: options.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: SECRETS.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `headers["${key}"]`]),
        censor: '[redacted]',
      },
      serializers: { err: plainError },
    },
    stderr(),
  )
}

/** What it cannot write (a closed pipe, a full disk) waits up to `MOST_WAITING` bytes, then is lost: the process goes on. */
function stderr() {
  const stream = destination({ dest: 2, sync: true, maxLength: MOST_WAITING })
  stream.on('error', () => undefined)
  return stream
}

/** Name, code, message and stack: never the client or the parameters that drivers hang on their errors. */
export function plainError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) }
  const code = 'code' in error ? { code: error.code } : {}
  const cause = error.cause === undefined ? {} : { cause: plainError(error.cause) }
  const message = messageOf(error)
  // It begins with the message.
  const stack = error.message === '' ? error.stack : error.stack?.replace(error.message, () => message)
  return { name: error.name, ...code, message, stack, ...cause }
}

/** Logs at most one line a second for a repeating error, with the number of those left out. */
export function rateLimitedErrors(log: Pick<Logger, 'warn'>, what: string): (error: unknown) => void {
  let last = 0
  let suppressed = 0
  return (error) => {
    const now = Date.now()
    if (now - last < 1000) {
      suppressed += 1
      return
    }
    const { name, code, message } = plainError(error)
    // `name` is the process's.
    log.warn({ error_name: name, code, message, suppressed }, what)
    last = now
    suppressed = 0
  }
}

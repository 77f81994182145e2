import type { Redis } from 'ioredis'

const AGAIN_AFTER_MS = 200

/**
 * Keeps a link, and each duplicate of it, until it is told to end. By ioredis alone it ends for ever when it is told to begin
 * anew (BullMQ has lost patience with a command, a Sentinel says that the master is another) while it asks where the master is.
 * @returns the same
 */
export function keepLink<Link extends Redis>(redis: Link): Link {
  const disconnect = redis.disconnect.bind(redis)
  const duplicate = redis.duplicate.bind(redis)
  let isOver = false
  let hasClosed = false
  let again: NodeJS.Timeout | undefined

  redis.disconnect = (reconnect = false) => {
    if (!reconnect) {
      isOver = true
      clearTimeout(again)
    }
    disconnect(reconnect)
  }
  redis.duplicate = ((...options: Parameters<typeof duplicate>) => keepLink(duplicate(...options))) as typeof duplicate
  redis.on('connecting', () => {
    hasClosed = false
  })
  // A link that broke closes and is made anew by ioredis; one that was told to end closes, too.
  redis.on('close', () => {
    hasClosed = true
  })
  redis.on('end', () => {
    if (hasClosed || isOver) return
    again = setTimeout(connect, AGAIN_AFTER_MS)
  })

  /** What goes wrong comes as an `error`, and as another `end`. */
  function connect(): void {
    redis.connect().catch(() => undefined)
  }

  return redis
}

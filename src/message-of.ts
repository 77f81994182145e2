const NOT_CONNECTED = /^(Stream isn't writeable|Cluster isn't ready) and enableOfflineQueue options is false$/

/**
 * What an error says. ioredis's words for a command without a connection speak of its own options. Of a host with several
 * addresses the error has a code and no message.
 */
export function messageOf(error: Error): string {
  if (NOT_CONNECTED.test(error.message)) return 'Redis is not connected'
  return error.message || String('code' in error ? error.code : error.name)
}

/** The error below all that was thrown because of it. */
export function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error
}

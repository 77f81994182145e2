import type { Config } from './config.ts'

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

/** What the embedded mode opens to a network that it was never meant for, or null. */
export function exposure({ embedded, server, streams }: Config): string | null {
  if (!embedded || isLoopback(server.host)) return null
  const anybody = streams.anonymous.length > 0 ? 'anybody there sees streams without a token, and ' : ''
  return `HOST=${server.host} opens the embedded mode to the network: ${anybody}webhooks may be sent to this machine's loopback`
}

import type { Channel } from './server-frames.ts'

export const WILDCARD = '*'

/** `channel/SYMBOL`, or the channel alone where there are no symbols. */
export function nameOf(channel: string, symbol: string | null | undefined): string {
  return symbol == null ? channel : `${channel}/${symbol.toUpperCase()}`
}

/** The stream of the user's own events beside a stream that all share. */
export function own(name: string): string {
  return `${name}@user`
}

export function shared(name: string): string {
  return name.replace(/@user$/, '')
}

/** The wildcard that brings a stream too. */
export function wildcardOf(name: string): string {
  return name.replace(/\/.*$/, `/${WILDCARD}`)
}

export function target({ channel, symbol }: { channel: Channel; symbol?: string }): {
  channel: Channel
  symbol?: string
} {
  return symbol === undefined ? { channel } : { channel, symbol: symbol.toUpperCase() }
}

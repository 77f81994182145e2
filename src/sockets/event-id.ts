import type { Since } from '../streams/replay.ts'

/**
 * The id of an event: where its stream stands, `<epoch>:<seq>`; where the user's own stream comes too, that after a comma. So
 * the last id that a client got says all that it has.
 */
export interface EventId {
  shared: Since
  own?: Since | undefined
}

const POSITION = /^(\w{1,64}):(\d{1,15})$/

export function formatEventId({ shared, own }: EventId): string {
  return own === undefined ? position(shared) : `${position(shared)},${position(own)}`
}

/** Null for what was never an id. */
export function parseEventId(text: string): EventId | null {
  const [first = '', second, ...others] = text.split(',')
  const shared = parse(first)
  const own = second === undefined ? undefined : parse(second)
  if (shared === null || own === null || others.length > 0) return null
  return { shared, own }
}

function position({ epoch, seq }: Since): string {
  return `${epoch}:${seq}`
}

function parse(text: string): Since | null {
  const [, epoch, seq] = POSITION.exec(text) ?? []
  return epoch === undefined ? null : { epoch, seq: Number(seq) }
}

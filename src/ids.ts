import { randomUUID } from 'node:crypto'

export type IdPrefix = 'wh' | 'evt' | 'dlv' | 'key' | 'rcv' | 'tkt' | 'aud'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then the 74 random bits of a UUIDv4, which are made in stock. */
export function uuidv7(at: number = Date.now()): string {
  if (at !== lastTime) {
    const hex = at.toString(16).padStart(12, '0')
    lastTime = at
    lastStart = `${hex.slice(0, 8)}-${hex.slice(8)}-7`
  }
  return lastStart + randomUUID().slice('xxxxxxxx-xxxx-4'.length)
}

/** Many are made in one millisecond. */
let lastTime = Number.NaN
let lastStart = ''

/** The public form of a stored id: `wh_0198…`. */
export function publicId(prefix: IdPrefix, uuid: string): string {
  return `${prefix}_${uuid}`
}

/** The stored form of a public id, or null when it is not a well-formed id of that kind. */
export function parseId(prefix: IdPrefix, text: string): string | null {
  if (!text.startsWith(`${prefix}_`)) return null
  const uuid = text.slice(prefix.length + 1)
  return UUID_V7.test(uuid) ? uuid : null
}

/** Unix milliseconds in a UUIDv7. */
export function uuidTime(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)
}

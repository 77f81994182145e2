import { randomFillSync } from 'node:crypto'

export type IdPrefix = 'wh' | 'evt' | 'dlv' | 'key' | 'rcv' | 'tkt' | 'aud'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits. */
export function uuidv7(at: number = Date.now()): string {
  const bytes = randomBytes16()
  bytes.writeUIntBE(at, 0, 6)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Asking the system for few bytes costs as much as for many, and ids are made by the thousand. */
const pool = Buffer.alloc(4096)
let used = pool.length

function randomBytes16(): Buffer {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += 16
  return pool.subarray(used - 16, used)
}

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

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { SecretsKey } from '../config.ts'

/** Seals texts with AES-256-GCM. `context` (a row's id) must be the same at both ends, so a sealed text cannot be moved to another row. */
export interface SecretBox {
  seal(text: string, context: string): Buffer
  /** @throws when the key is not among ours, or the bytes or the context are not those that were sealed */
  open(sealed: Buffer, context: string): string
  /** The ids of our keys, first the one that seals. */
  readonly keyIds: readonly string[]
  /** Whether it was sealed with the key that seals now. */
  isCurrent(sealed: Buffer): boolean
}

/*
 * Layout: version (1) | length of key id (1) | key id | nonce (12) | tag (16) | ciphertext
 */
const VERSION = 1
const NONCE = 12
const TAG = 16
/** A webhook's secret is opened for every attempt; at some 300 bytes each these are a few MB. */
const MOST_REMEMBERED = 10_000

/** @param keys the first seals, all open */
export function createSecretBox(keys: readonly SecretsKey[]): SecretBox {
  const [current] = keys
  if (!current) throw new Error('A secret box needs a key')
  const byId = new Map(keys.map(({ id, key }) => [id, key]))
  const opened = new Map<string, string>()
  return {
    keyIds: keys.map(({ id }) => id),
    seal(text, context) {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv('aes-256-gcm', current.key, nonce).setAAD(Buffer.from(context))
      const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      const id = Buffer.from(current.id)
      return Buffer.concat([Buffer.from([VERSION, id.length]), id, nonce, cipher.getAuthTag(), ciphertext])
    },
    open(sealed, context) {
      const name = `${context}:${sealed.toString('latin1')}`
      const known = opened.get(name)
      if (known !== undefined) return known
      const text = openAnew(sealed, context)
      if (opened.size >= MOST_REMEMBERED) opened.clear()
      opened.set(name, text)
      return text
    },
    isCurrent: (sealed) => unpack(sealed).id === current.id,
  }

  function openAnew(sealed: Buffer, context: string): string {
    const { id, nonce, tag, ciphertext } = unpack(sealed)
    const key = byId.get(id)
    if (!key) throw new Error(`A secret was sealed with key "${id}", which is not in SECRETS_KEY`)
    const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context)).setAuthTag(tag)
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
  }
}

function unpack(sealed: Buffer) {
  const idEnds = 2 + (sealed[1] ?? 0)
  const body = idEnds + NONCE + TAG
  if (sealed[0] !== VERSION || sealed.length < body) throw new Error('This is not a sealed secret')
  return {
    id: sealed.toString('utf8', 2, idEnds),
    nonce: sealed.subarray(idEnds, idEnds + NONCE),
    tag: sealed.subarray(idEnds + NONCE, body),
    ciphertext: sealed.subarray(body),
  }
}

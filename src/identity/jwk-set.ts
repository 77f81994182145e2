import { createPublicKey, type KeyObject } from 'node:crypto'
import { z } from 'zod'

/** A key of a JSON Web Key Set that can verify tokens. */
export interface PublishedKey {
  /** Null when the set gives it no name. */
  kid: string | null
  algorithm: 'RS256' | 'ES256'
  key: KeyObject
}

const MOST_KEYS = 100
const LEAST_RSA_BITS = 2048

const KeySet = z.object({ keys: z.array(z.unknown()).max(MOST_KEYS) })
const text = z.string().max(2048)
const shared = {
  kid: z.string().max(256).optional(),
  use: z.string().optional(),
  key_ops: z.array(z.string()).optional(),
  alg: z.string().optional(),
}
const Key = z.discriminatedUnion('kty', [
  z.object({ ...shared, kty: z.literal('RSA'), n: text, e: text }),
  z.object({ ...shared, kty: z.literal('EC'), crv: z.literal('P-256'), x: text, y: text }),
])

/**
 * The keys of a set (RFC 7517) that we can use: RSA of at least 2048 bits and EC on P-256, for signatures. Others are passed
 * over, since a set may serve others than us.
 * @throws when it is no such set, or none of its keys can be used
 */
export function readJwkSet(value: unknown): PublishedKey[] {
  const set = KeySet.safeParse(value)
  if (!set.success) throw new Error(`It is no set of at most ${MOST_KEYS} keys`)
  const usable = set.data.keys.flatMap((one) => readKey(one) ?? [])
  if (usable.length === 0) throw new Error('It has no key for RS256 or ES256')
  return usable
}

function readKey(value: unknown): PublishedKey | null {
  const parsed = Key.safeParse(value)
  if (!parsed.success) return null
  const { kid = null, use = 'sig', key_ops: operations = ['verify'], alg, ...material } = parsed.data
  const algorithm = material.kty === 'RSA' ? 'RS256' : 'ES256'
  if (use !== 'sig' || !operations.includes('verify') || (alg !== undefined && alg !== algorithm)) return null
  try {
    const key = createPublicKey({ key: material, format: 'jwk' })
    const bits = key.asymmetricKeyDetails?.modulusLength ?? LEAST_RSA_BITS
    return bits < LEAST_RSA_BITS ? null : { kid, algorithm, key }
  } catch {
    // Numbers that make no key.
    return null
  }
}

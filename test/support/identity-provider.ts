import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import jwt, { type JwtHeader } from 'jsonwebtoken'

/** A key of an identity provider: what it publishes, and the half that it keeps. */
export interface ProviderKey {
  jwk: Record<string, unknown>
  privateKey: KeyObject
}

/** An identity provider on loopback that publishes keys. */
export interface IdentityProvider {
  url: string
  /** What it publishes now. */
  keys: ProviderKey[]
  /** How often it was asked. */
  asked: number
  /** Instead of the keys, when it is set. */
  answer: RequestListener | null
  stop(): Promise<void>
}

export async function startIdentityProvider(keys: ProviderKey[]): Promise<IdentityProvider> {
  const server = createServer((request, response) => {
    provider.asked += 1
    if (provider.answer) provider.answer(request, response)
    else response.end(JSON.stringify({ keys: provider.keys.map(({ jwk }) => jwk) }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const provider: IdentityProvider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    keys,
    asked: 0,
    answer: null,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return provider
}

export function rsaKey(kid: string | undefined, fields: object = {}, modulusLength = 2048): ProviderKey {
  return providerKey(kid, fields, generateKeyPairSync('rsa', { modulusLength }))
}

export function ecKey(kid: string | undefined, fields: object = {}, namedCurve = 'P-256'): ProviderKey {
  return providerKey(kid, fields, generateKeyPairSync('ec', { namedCurve }))
}

function providerKey(kid: string | undefined, fields: object, pair: { publicKey: KeyObject; privateKey: KeyObject }) {
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), ...(kid === undefined ? {} : { kid }), ...fields }
  return { jwk, privateKey: pair.privateKey }
}

/** A token as the provider would make it for `sub`, with what a test adds to its header. */
export function issue(
  key: ProviderKey,
  sub: string,
  header: Partial<JwtHeader> & Record<string, unknown> = {},
): string {
  const algorithm = key.privateKey.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256'
  const kid = key.jwk['kid']
  const named = typeof kid === 'string' ? { kid } : {}
  return jwt.sign({ sub }, key.privateKey, {
    algorithm,
    expiresIn: 3600,
    header: { alg: algorithm, ...named, ...header } as JwtHeader,
  })
}

import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import jwt, { type JwtHeader } from 'jsonwebtoken'
import { ecKey, type IdentityProvider, issue, rsaKey, startIdentityProvider } from '../../support/identity-provider.ts'
import { connectClient, openClient } from '../../support/stream-client.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

describe('authentication by the keys that an identity provider publishes', () => {
  const [rsa, ec, strangers] = [rsaKey('rsa-1'), ecKey('ec-1'), rsaKey('rsa-1')]
  let provider: IdentityProvider
  let system: WebSystem

  before(async () => {
    provider = await startIdentityProvider([rsa, ec])
    system = await startWebSystem({ JWT_SECRET: '', JWKS_URL: provider.url })
  })
  after(async () => {
    await system?.stop()
    await provider.stop()
  })

  const rest = async (token: string) => (await system.call('GET', '/api/v1/auth/me', { token })).status
  const url = (token: string) => `ws://127.0.0.1:${system.port}/ws/alerts?token=${token}`
  async function socket(token: string): Promise<number> {
    const { code } = await openClient(url(token)).ended
    return code
  }

  it('is the same on REST and on sockets', async () => {
    for (const token of [issue(rsa, 'alice'), issue(ec, 'alice')]) {
      assert.equal(await rest(token), 200)
      await (await connectClient(url(token))).close()
    }
  })

  it('takes no token that the provider has not signed, whatever its header says', async () => {
    const jwk = strangers.jwk
    const pem = createPublicKey({ key: rsa.jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString()
    const hmac = (secret: string) => {
      const options = {
        algorithm: 'HS256',
        expiresIn: 60,
        header: { alg: 'HS256', kid: 'rsa-1' } as JwtHeader,
      } as const
      return jwt.sign({ sub: 'alice' }, secret, options)
    }
    for (const token of [
      issue(strangers, 'alice'),
      issue(strangers, 'alice', { jwk }),
      issue(strangers, 'alice', { jku: provider.url, x5u: provider.url }),
      issue(strangers, 'alice', { kid: 'ec-1' }),
      issue(ec, 'alice', { kid: 'rsa-1' }),
      issue(rsa, 'alice', { crit: ['b64'], b64: true }),
      hmac(pem),
      hmac(String(rsa.jwk['n'])),
      hmac(JSON.stringify(rsa.jwk)),
      jwt.sign({ sub: 'alice' }, '', { algorithm: 'none', expiresIn: 60 }),
    ]) {
      assert.equal(await rest(token), 401, token)
      assert.equal(await socket(token), 4401, token)
    }
  })

  it('answers 503 and 4500 while the keys were never to be had', async () => {
    const away = await startWebSystem({ JWT_SECRET: '', JWKS_URL: 'http://127.0.0.1:9/keys' })
    try {
      const answer = await away.call('GET', '/api/v1/auth/me', { token: issue(rsa, 'alice') })
      assert.deepEqual([answer.status, answer.body.error], [503, 'unavailable'])
      assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/)
      const { code } = await openClient(`ws://127.0.0.1:${away.port}/ws/alerts?token=${issue(rsa, 'alice')}`).ended
      assert.equal(code, 4500)
    } finally {
      await away.stop()
    }
  })
})

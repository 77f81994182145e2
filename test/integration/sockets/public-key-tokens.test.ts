import assert from 'node:assert/strict'
import { createPublicKey, type KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { ecKey, rsaKey } from '../../support/identity-provider.ts'
import { connectClient, openClient } from '../../support/stream-client.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

const makeRsa = () => rsaKey(undefined).privateKey
const makeEc = () => ecKey(undefined).privateKey

for (const { alg, make, other, makeOther } of [
  { alg: 'RS256', make: makeRsa, other: 'ES256', makeOther: makeEc },
  { alg: 'ES256', make: makeEc, other: 'RS256', makeOther: makeRsa },
] as const) {
  describe(`a socket's token by ${alg} and JWT_PUBLIC_KEY`, () => {
    const privateKey = make()
    const pem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString()
    let system: WebSystem
    before(async () => {
      system = await startWebSystem({ JWT_SECRET: '', JWT_PUBLIC_KEY: pem })
    })
    after(() => system.stop())

    const sign = (algorithm: jwt.Algorithm, key: KeyObject | string, expiresIn = 3600) =>
      jwt.sign({ sub: 'alice' }, key, { algorithm, expiresIn })
    const url = (token: string) => `ws://127.0.0.1:${system.port}/ws/alerts?token=${token}`
    /** Each claims to be Alice's, and none is signed by the key with its algorithm. */
    const forged = () => ({
      'another key': sign(alg, make()),
      'another algorithm': sign(other, makeOther()),
      'the public key as a secret': sign('HS256', pem),
      'no signature': sign('none', ''),
      // The head says what the key is for, the signature is of the other kind.
      'another head': `${sign(alg, privateKey).split('.')[0]}.${sign(other, makeOther()).split('.').slice(1).join('.')}`,
    })

    it('lets it in, in the URL, as a subprotocol and as the first frame', async () => {
      const token = sign(alg, privateKey)
      const bare = `ws://127.0.0.1:${system.port}/ws/alerts`
      const byFrame = openClient(bare)
      byFrame.socket.on('open', () => byFrame.send({ type: 'auth', token }))
      for (const client of [openClient(url(token)), openClient(bare, { protocols: ['bearer', token] }), byFrame]) {
        assert.ok('user' in (await client.next('connected')))
        await client.close()
      }
      assert.equal(byFrame.frames[0]?.['user_id'], 'alice')
    })

    it('is renewed in place by another of the same key, and by no other', async () => {
      const client = await connectClient(url(sign(alg, privateKey, 40)))
      await client.next('token_expiring')
      for (const [what, token] of Object.entries(forged())) {
        client.send({ type: 'auth', token, id: what })
        const { id, code } = await client.next('error')
        assert.deepEqual([id, code], [what, 'unauthorized'])
      }
      client.send({ type: 'auth', token: sign(alg, privateKey, 3600) })
      const { user_id, expires_at } = await client.next('authenticated')
      assert.equal(user_id, 'alice')
      assert.ok(Date.parse(String(expires_at)) > Date.now() + 3_000_000)
      client.send({ type: 'ping' })
      await client.next('pong')
      await client.close()
    })

    it('is refused with 4401 by another algorithm or another key', async () => {
      for (const [what, token] of Object.entries(forged())) {
        assert.equal((await openClient(url(token)).ended).code, 4401, what)
      }
    })
  })
}

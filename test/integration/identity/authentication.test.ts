import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { eventually } from '../../support/eventually.ts'
import { JWT_SECRET, startWebSystem, type WebSystem } from '../../support/web-system.ts'

const ME = '/api/v1/auth/me'
const seconds = () => Math.floor(Date.now() / 1000)
const good = () => ({ sub: 'alice', exp: seconds() + 86_400 })

/** A token as an attacker writes it: any header, any claims, any signature. */
function forge(header: object, claims: unknown, signature: (text: string) => Buffer): string {
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${text}.${signature(text).toString('base64url')}`
}

const hmac =
  (secret: string, digest = 'sha256') =>
  (text: string) =>
    createHmac(digest, secret).update(text).digest()
const hs256 = (claims: unknown, secret = JWT_SECRET) => forge({ alg: 'HS256', typ: 'JWT' }, claims, hmac(secret))

function asymmetric(alg: string, claims: unknown, key: KeyObject): string {
  const options = { key, dsaEncoding: 'ieee-p1363' } as const
  return forge({ alg, typ: 'JWT' }, claims, (text) => sign('sha256', Buffer.from(text), options))
}

describe('authentication by a token', () => {
  let system: WebSystem
  before(async () => {
    system = await startWebSystem()
  })
  after(() => system.stop())

  const statusOf = async (token: string) => (await system.call('GET', ME, { token })).status

  it('knows who asks from sub, role, tier and email', async () => {
    const claims = { ...good(), role: 'producer', tier: 'pro', email: 'alice@example.com' }
    const { status, body } = await system.call('GET', ME, { token: hs256(claims) })
    assert.equal(status, 200)
    assert.deepEqual(body, {
      user_id: 'alice',
      role: 'producer',
      tier: 'pro',
      email: 'alice@example.com',
      via: 'jwt',
      expires_at: new Date(claims.exp * 1000).toISOString(),
    })
  })

  it('takes a user on the free tier where role and tier are left out', async () => {
    const { body } = await system.call('GET', ME, { token: hs256(good()) })
    assert.deepEqual([body.role, body.tier, body.email], ['user', 'free', null])
  })

  it('takes the scheme in any case', async () => {
    const { status } = await system.call('GET', ME, { headers: { authorization: `bearer ${hs256(good())}` } })
    assert.equal(status, 200)
  })

  for (const [what, claims] of [
    ['without sub', { exp: seconds() + 86_400 }],
    ['with an empty sub', { ...good(), sub: '' }],
    ['with a sub that is a number', { ...good(), sub: 7 }],
    ['with a sub of 256 characters', { ...good(), sub: 'x'.repeat(256) }],
    ['with NUL in its sub', { ...good(), sub: 'a\0b' }],
    ['without exp', { sub: 'alice' }],
    ['with an exp that is a text', { sub: 'alice', exp: `${seconds() + 86_400}` }],
    ['with an exp beyond all calendars', { sub: 'alice', exp: 1e15 }],
    ['of an unknown role', { ...good(), role: 'root' }],
    ['of a role that is a name of Object', { ...good(), role: '__proto__' }],
    ['of an unknown tier', { ...good(), tier: 'gold' }],
    ['that is not good yet', { ...good(), nbf: seconds() + 86_400 }],
    ['of which the claims are a text', 'alice'],
    ['of which the claims are null', null],
  ] as const) {
    it(`refuses a token ${what}`, async () => {
      assert.equal(await statusOf(hs256(claims)), 401)
    })
  }

  it('refuses a token of another secret, another algorithm or none', async () => {
    const none = forge({ alg: 'none' }, good(), () => Buffer.alloc(0))
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    for (const token of [
      hs256(good(), 'another-secret-of-thirty-two-bytes!'),
      hs256(good(), ''),
      forge({ alg: 'HS512', typ: 'JWT' }, good(), hmac(JWT_SECRET, 'sha512')),
      forge({ alg: 'HS384', typ: 'JWT' }, good(), hmac(JWT_SECRET, 'sha384')),
      asymmetric('RS256', good(), privateKey),
      none,
      none.replace(/\.$/, ''),
      forge({ alg: 'None' }, good(), hmac(JWT_SECRET)),
      'not-a-token',
      '..',
    ]) {
      assert.equal(await statusOf(token), 401, token)
    }
  })

  it('allows clocks to differ by 30 s and no more', async () => {
    assert.equal(await statusOf(hs256({ sub: 'alice', exp: seconds() - 25 })), 200)
    assert.equal(await statusOf(hs256({ ...good(), nbf: seconds() + 25 })), 200)
    const { status, body } = await system.call('GET', ME, { token: hs256({ sub: 'alice', exp: seconds() - 35 }) })
    assert.deepEqual([status, body.message], [401, 'The token has expired.'])
  })

  it('ignores a token in the query', async () => {
    for (const name of ['token', 'access_token', 'api_key']) {
      assert.equal((await system.call('GET', `${ME}?${name}=${hs256(good())}`)).status, 401)
    }
    const token = hs256(good())
    assert.equal((await system.call('GET', `${ME}?token=nonsense`, { token })).status, 200)
  })

  it('ignores a token in a cookie', async () => {
    const { status } = await system.call('GET', ME, { headers: { cookie: `token=${hs256(good())}; ara_board=x` } })
    assert.equal(status, 401)
  })

  it('prefers the bearer token to an API key, and a bad one is the end of it', async () => {
    const { body } = await system.call('POST', '/api/v1/auth/api-keys', {
      token: system.token('bob'),
      body: { name: 'k' },
    })
    const apiKey = body.key
    assert.equal((await system.call('GET', ME, { token: hs256(good()), apiKey })).body.user_id, 'alice')
    assert.equal((await system.call('GET', ME, { apiKey })).body.user_id, 'bob')
    for (const authorization of ['Bearer bad', 'Bearer', 'Bearer a b', hs256(good())]) {
      assert.equal((await system.call('GET', ME, { apiKey, headers: { authorization } })).status, 401, authorization)
    }
  })

  it('makes tickets, which are no credential for REST', async () => {
    const { status, body } = await system.call('POST', '/api/v1/auth/tickets', { token: hs256(good()) })
    assert.equal(status, 201)
    assert.deepEqual(Object.keys(body), ['ticket', 'expires_in'])
    assert.match(body.ticket, /^tkt_[0-9a-f-]{36}$/)
    assert.equal(body.expires_in, 30)
    assert.equal((await system.call('GET', ME, { token: body.ticket })).status, 401)
    assert.equal((await system.call('GET', ME, { apiKey: body.ticket })).status, 401)
  })

  it('makes tickets for whoever has an odd email, too', async () => {
    const token = hs256({ ...good(), email: 'a\0b\ud800' })
    assert.equal((await system.call('POST', '/api/v1/auth/tickets', { token })).status, 201)
  })

  it('refuses a blocked user in every process within 10 s, and lets them in again', async () => {
    const block = '/api/v1/users/mallory/block'
    const [admin, token] = [system.token('root', 'admin'), system.token('mallory')]
    const { body } = await system.call('POST', '/api/v1/auth/api-keys', { token, body: { name: 'k' } })
    assert.equal((await system.call('PUT', block, { token: admin })).status, 204)
    assert.equal((await system.call('PUT', block, { token: admin })).status, 204)
    for (const credential of [{ token }, { apiKey: body.key }]) {
      const refused = await system.call('GET', ME, credential)
      assert.deepEqual([refused.status, refused.body.error], [403, 'forbidden'])
    }
    assert.equal((await system.call('DELETE', block, { token: admin })).status, 204)
    assert.equal(await statusOf(token), 200)
    // As another process would write it.
    await system.db.query({ text: "INSERT INTO users_blocked (user_id, blocked_by) VALUES ('mallory', 'root')" })
    await eventually(async () => assert.equal(await statusOf(token), 403))
  })

  it('blocks users of any id that a token can have', async () => {
    for (const id of ['auth0|a/b', 'ü@example.com', '%41', 'x'.repeat(255)]) {
      const path = `/api/v1/users/${encodeURIComponent(id)}/block`
      assert.equal((await system.call('PUT', path, { token: system.token('root', 'admin') })).status, 204)
      assert.equal(await statusOf(system.token(id)), 403, id)
    }
    for (const id of ['a%00b', 'x'.repeat(256)]) {
      const path = `/api/v1/users/${id}/block`
      assert.equal((await system.call('PUT', path, { token: system.token('root', 'admin') })).status, 422)
    }
  })
})

describe('authentication by the token of somebody else’s issuer', () => {
  const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString()

  it('checks issuer and audience when they are configured', async () => {
    const system = await startWebSystem({ JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'ara' })
    try {
      const right = { ...good(), iss: 'https://issuer.example', aud: 'ara' }
      const statusOf = async (claims: object) => (await system.call('GET', ME, { token: hs256(claims) })).status
      assert.equal(await statusOf(right), 200)
      assert.equal(await statusOf({ ...right, aud: ['other', 'ara'] }), 200)
      for (const wrong of [good(), { ...right, iss: 'https://issuer.example/' }, { ...right, aud: ['other'] }]) {
        assert.equal(await statusOf(wrong), 401)
      }
    } finally {
      await system.stop()
    }
  })

  for (const { alg, pair, other } of [
    { alg: 'RS256', other: 'ES256', pair: () => generateKeyPairSync('rsa', { modulusLength: 2048 }) },
    { alg: 'ES256', other: 'RS256', pair: () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }) },
  ]) {
    it(`takes ${alg} with the public key and nothing else, least of all HS256 with that key's text`, async () => {
      const { publicKey, privateKey } = pair()
      const text = pem(publicKey)
      const system = await startWebSystem({ JWT_SECRET: '', JWT_PUBLIC_KEY: text.replaceAll('\n', '\\n') })
      try {
        const statusOf = async (token: string) => (await system.call('GET', ME, { token })).status
        assert.equal(await statusOf(asymmetric(alg, good(), privateKey)), 200)
        assert.equal(await statusOf(asymmetric(alg, good(), pair().privateKey)), 401)
        assert.equal(await statusOf(asymmetric(other, good(), privateKey)), 401)
        for (const secret of [text, text.trim(), text.replaceAll('\n', '\\n'), JWT_SECRET]) {
          assert.equal(await statusOf(hs256(good(), secret)), 401)
        }
        assert.equal(await statusOf(forge({ alg: 'none' }, good(), () => Buffer.alloc(0))), 401)
      } finally {
        await system.stop()
      }
    })
  }
})

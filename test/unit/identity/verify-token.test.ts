import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { createTokenVerifier, type TokenVerifier, tokenRules } from '../../../src/identity/verify-token.ts'

const SECRET = 'a-secret-of-the-tests-with-32-bytes'
const NOW = Date.parse('2026-11-23T12:00:00.000Z')
const seconds = NOW / 1000

describe('the verifier of tokens', () => {
  const sign = (claims: object) => jwt.sign({ iat: seconds, ...claims }, SECRET)
  let now: number
  let verifier: TokenVerifier
  const verify = (token: string) => verifier.verify(token)
  beforeEach(() => {
    now = NOW
    verifier = createTokenVerifier(tokenRules({ secret: SECRET, clockSkewSeconds: 30 }), () => now)
  })

  it('remembers a good token for a minute, and no longer than it is good, clock skew included', async () => {
    const token = sign({ sub: 'alice', exp: seconds + 60 })
    const first = await verify(token)
    assert.equal(first.userId, 'alice')
    now = NOW + 59_999
    assert.equal(await verify(token), first)
    now = NOW + 60_000
    const second = await verify(token)
    assert.notEqual(second, first)
    now = NOW + 89_999
    assert.equal(await verify(token), second)
    now = NOW + 90_000
    await assert.rejects(verify(token), { status: 401, message: 'The token has expired.' })
  })

  it('remembers what somebody else has verified for as long, and nothing else', () => {
    const token = sign({ sub: 'alice', exp: seconds + 30 })
    assert.equal(verifier.recall(token), undefined)
    const principal = verifier.remember(token, jwt.decode(token))
    now = NOW + 59_999
    assert.equal(verifier.recall(token), principal)
    now = NOW + 60_000
    assert.equal(verifier.recall(token), undefined)
    assert.throws(() => verifier.remember(token, { sub: 'alice' }), { status: 401 })
    assert.equal(verifier.recall(token), undefined)
  })

  it('does not remember a bad one', async () => {
    const token = sign({ sub: 'alice', exp: seconds + 600, nbf: seconds + 60 })
    await assert.rejects(verify(token), { status: 401 })
    now = NOW + 60_000
    assert.equal((await verify(token)).userId, 'alice')
  })

  it('does not look at a text that is longer than any token of ours', async () => {
    const token = sign({ sub: 'alice', exp: seconds + 60, padding: 'x'.repeat(8192) })
    await assert.rejects(verify(token), { status: 401, message: 'The token is too long.' })
  })

  it('refuses what is no token, and one that demands an extension that we do not have', async () => {
    const demanding = jwt.sign({ sub: 'alice', exp: seconds + 60 }, SECRET, {
      header: { alg: 'HS256', crit: ['exp'] },
    })
    const texts = ['', '.', '..', 'a.b.c', `${Buffer.from('{}').toString('base64url')}.e30.`, demanding]
    for (const token of texts) await assert.rejects(verify(token), { status: 401, message: 'The token is not valid.' })
  })

  it('keeps users of one cache apart', async () => {
    const [alice, bob] = ['alice', 'bob'].map((sub) => sign({ sub, exp: seconds + 60 })) as [string, string]
    const principals = await Promise.all([verify(alice), verify(bob), verify(alice)])
    assert.deepEqual(
      principals.map(({ userId }) => userId),
      ['alice', 'bob', 'alice'],
    )
  })
})

describe('the rules for tokens', () => {
  const pem = ({ publicKey }: { publicKey: KeyObject }) => publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const rsa = pem(generateKeyPairSync('rsa', { modulusLength: 2048 }))
  const p256 = pem(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }))
  const p384 = pem(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }))
  const ed25519 = pem(generateKeyPairSync('ed25519'))

  it('have one algorithm, which the key decides', () => {
    const algorithms = (settings: object) => tokenRules({ clockSkewSeconds: 30, ...settings }).options.algorithms
    assert.deepEqual(algorithms({ secret: SECRET }), ['HS256'])
    assert.deepEqual(algorithms({ publicKey: rsa }), ['RS256'])
    assert.deepEqual(algorithms({ publicKey: p256 }), ['ES256'])
  })

  it('cannot be made of no key, a short secret, or a key of another kind', () => {
    const make = (settings: object) => () => tokenRules({ clockSkewSeconds: 30, ...settings })
    assert.throws(make({}), /is needed/)
    assert.throws(make({ secret: 'x'.repeat(31) }), /at least 32 bytes/)
    assert.throws(make({ publicKey: p384 }), /P-256/)
    assert.throws(make({ publicKey: ed25519 }), /JWT_PUBLIC_KEY must be/)
  })
})

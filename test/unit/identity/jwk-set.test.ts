import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readJwkSet } from '../../../src/identity/jwk-set.ts'
import { ecKey, rsaKey } from '../../support/identity-provider.ts'

const good = rsaKey('good').jwk

describe('a set of published keys', () => {
  const kidsOf = (...keys: unknown[]) => readJwkSet({ keys: [...keys, good] }).map(({ kid }) => kid)

  it('gives its RSA keys for RS256 and its P-256 keys for ES256', () => {
    const keys = readJwkSet({ keys: [rsaKey('a', { use: 'sig', alg: 'RS256' }).jwk, ecKey(undefined).jwk], more: 1 })
    assert.deepEqual(
      keys.map(({ kid, algorithm, key }) => [kid, algorithm, key.type]),
      [
        ['a', 'RS256', 'public'],
        [null, 'ES256', 'public'],
      ],
    )
  })

  it('takes no more than the public half of a key that was published whole', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const [key] = readJwkSet({ keys: [privateKey.export({ format: 'jwk' })] })
    assert.equal(key?.key.type, 'public')
  })

  for (const [what, key] of [
    ['symmetric', { kty: 'oct', kid: 'x', k: Buffer.alloc(32).toString('base64url') }],
    ['short RSA', rsaKey('x', {}, 1024).jwk],
    ['of another curve', ecKey('x', {}, 'P-384').jwk],
    ['for encryption', rsaKey('x', { use: 'enc' }).jwk],
    ['for other operations', rsaKey('x', { key_ops: ['wrapKey'] }).jwk],
    ['for another algorithm', rsaKey('x', { alg: 'RS512' }).jwk],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })],
    ['not on its curve', { ...ecKey('x').jwk, x: 'AAAA' }],
    ['without its numbers', { kty: 'RSA', kid: 'x' }],
    ['named by a number', { ...good, kid: 7 }],
    ['null', null],
  ] as const) {
    it(`passes over a key that is ${what}`, () => {
      assert.deepEqual(kidsOf(key), ['good'])
    })
  }

  it('is none without a key of ours, with over a hundred, or in another form', () => {
    for (const value of [null, [], 'keys', {}, { keys: {} }, { keys: [] }, { keys: [null] }]) {
      assert.throws(() => readJwkSet(value), /^Error: It /)
    }
    assert.throws(() => readJwkSet({ keys: Array.from({ length: 101 }, () => good) }), /at most 100/)
  })
})

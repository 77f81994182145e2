import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import jwt from 'jsonwebtoken'
import { fetchJson } from '../../../src/identity/fetch-json.ts'
import { createPublishedKeys } from '../../../src/identity/published-keys.ts'
import { eventually } from '../../support/eventually.ts'
import {
  ecKey,
  type IdentityProvider,
  issue,
  type ProviderKey,
  rsaKey,
  startIdentityProvider,
} from '../../support/identity-provider.ts'

const ANSWERS: Record<string, RequestListener> = {
  'an error': (_, response) => void response.writeHead(500).end('{"keys":[]}'),
  'a redirect': (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end(),
  'no JSON': (_, response) => void response.end('<html>'),
  'no keys': (_, response) => void response.end('{"keys":[]}'),
  'more than 256 KiB': (_, response) => void response.end(`{"keys":[],"x":"${'x'.repeat(300_000)}"}`),
  'half of it': (_, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{"keys":')
    setTimeout(() => response.destroy(), 20)
  },
  nothing: (request) => void request.socket.destroy(),
}

describe('published keys', () => {
  const [rsa, ec] = [rsaKey('rsa-1'), ecKey('ec-1')]
  let provider: IdentityProvider
  let now: number
  let errors: unknown[]
  let keys: ReturnType<typeof createPublishedKeys>

  before(async () => {
    provider = await startIdentityProvider([])
  })
  after(() => provider.stop())
  beforeEach(() => {
    Object.assign(provider, { keys: [rsa, ec], asked: 0, answer: null })
    now = 1_000_000
    errors = []
    keys = createPublishedKeys({ url: provider.url, now: () => now, onError: (error) => errors.push(error) })
  })

  const headerOf = (key: ProviderKey, fields: Record<string, unknown> = {}) =>
    jwt.decode(issue(key, 'alice', fields), { complete: true })?.header ?? { alg: 'none' }
  const find = (key: ProviderKey, fields: Record<string, unknown> = {}) => keys.find(headerOf(key, fields))
  const refused = (status: number) => ({ name: 'ApiError', status })

  it('are fetched by the first who needs them, once for all who do', async () => {
    const found = await Promise.all([find(rsa), find(ec), find(rsa)])
    assert.deepEqual(
      found.map(({ asymmetricKeyType }) => asymmetricKeyType),
      ['rsa', 'ec', 'rsa'],
    )
    await find(ec)
    assert.equal(provider.asked, 1)
  })

  it('are found by their name, and without one when only one can be meant', async () => {
    assert.equal((await find(rsa, { kid: undefined })).asymmetricKeyType, 'rsa')
    provider.keys = [rsa, rsaKey('rsa-2'), ec]
    now += 300_000
    await find(rsa)
    await eventually(() => assert.rejects(find(rsa, { kid: undefined }), refused(401)))
    assert.equal((await find(ec, { kid: undefined })).asymmetricKeyType, 'ec')
    assert.equal(provider.asked, 2)
  })

  it('are fetched anew for a name that is not known, but not again within ten seconds', async () => {
    await find(rsa)
    const next = ecKey('ec-2')
    provider.keys = [rsa, next]
    now += 9_999
    await assert.rejects(find(next), refused(401))
    now += 1
    const [found] = await Promise.all([find(next), find(next)])
    assert.equal(found.asymmetricKeyType, 'ec')
    assert.equal(provider.asked, 2)
    for (let made = 0; made < 50; made += 1) await assert.rejects(find(rsa, { kid: `made-up-${made}` }), refused(401))
    assert.equal(provider.asked, 2)
    // What was withdrawn is gone.
    await assert.rejects(find(ec), refused(401))
  })

  it('are looked at again after five minutes, beside the request', async () => {
    await find(rsa)
    provider.keys = [ec]
    now += 299_999
    await find(rsa)
    assert.equal(provider.asked, 1)
    now += 1
    await find(rsa)
    await eventually(() => assert.rejects(find(rsa), refused(401)))
    assert.equal(provider.asked, 2)
  })

  it('are found for no other algorithm, no odd name and no extension, without asking', async () => {
    await find(rsa)
    for (const fields of [
      { alg: 'HS256' },
      { alg: 'none' },
      { alg: 'RS512' },
      { alg: 'ES256' },
      { kid: 7 },
      { kid: ['rsa-1'] },
      { kid: null },
      { kid: 'x'.repeat(257) },
      { crit: ['exp'] },
    ]) {
      await assert.rejects(keys.find({ ...headerOf(rsa), ...fields } as never), refused(401), JSON.stringify(fields))
    }
    now += 10_000
    await assert.rejects(keys.find({ ...headerOf(rsa), alg: 'ES256' }), refused(401))
    assert.equal(provider.asked, 1)
    for (const kid of ['__proto__', 'constructor', '../rsa-1', 'RSA-1', 'rsa-1 ', '']) {
      await assert.rejects(find(rsa, { kid }), refused(401), kid)
    }
    assert.equal(provider.asked, 2)
  })

  for (const [what, answer] of Object.entries(ANSWERS)) {
    it(`stay what they were when the provider answers with ${what}`, async () => {
      await find(rsa)
      Object.assign(provider, { answer, keys: [] })
      now += 300_000
      await find(rsa)
      await eventually(() => assert.equal(errors.length, 1))
      assert.match(String(errors[0]), /^Error: JWKS_URL gave no keys$/)
      await find(ec)
      // Whether this name is good nobody knows now.
      await assert.rejects(find(rsa, { kid: 'new' }), refused(503))
      now += 10_000
      Object.assign(provider, { answer: null, keys: [rsa] })
      await find(rsa)
      await eventually(() => assert.rejects(find(ec), refused(401)))
    })
  }

  it('are waited for when there are none yet, and asked for once a second while they cannot be had', async () => {
    provider.answer = ANSWERS['an error'] ?? null
    for (let count = 0; count < 5; count += 1) await assert.rejects(find(rsa), refused(503))
    assert.equal(provider.asked, 1)
    provider.answer = null
    now += 1_000
    await find(rsa)
    assert.equal(provider.asked, 2)
  })
})

describe('a document that is fetched', () => {
  it('is given up when it does not come in time, before its head or within its body', async () => {
    const provider = await startIdentityProvider([])
    try {
      for (const answer of [() => undefined, (_, response) => void response.write('{')] satisfies RequestListener[]) {
        provider.answer = answer
        await assert.rejects(fetchJson(provider.url, 200), { name: 'TimeoutError' })
      }
    } finally {
      await provider.stop()
    }
  })
})

import assert from 'node:assert/strict'
import { createSignInLinks } from '../../../src/identity/sign-in-links.ts'

const DAY_MS = 86_400_000

describe('a link that signs in', () => {
  let now = Date.parse('2026-11-25T12:00:00Z')
  const links = createSignInLinks({ makeToken: (seconds) => `token of ${seconds} s`, now: () => now })

  it('gives a token once', () => {
    const code = links.offer()
    assert.match(code, /^[\w-]{43}$/)
    assert.deepEqual(links.use(code), { token: 'token of 43200 s', expires_at: '2026-11-26T00:00:00.000Z' })
    assert.equal(links.use(code), null)
  })

  it('gives nothing for another code', () => {
    links.offer()
    for (const code of ['', 'x', 'a'.repeat(43)]) assert.equal(links.use(code), null)
  })

  it('ends after a day', () => {
    const [early, late] = [links.offer(), links.offer()]
    now += DAY_MS
    assert.notEqual(links.use(early), null)
    now += 1
    assert.equal(links.use(late), null)
  })
})

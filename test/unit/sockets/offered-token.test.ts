import assert from 'node:assert/strict'
import { readOfferedToken } from '../../../src/sockets/offered-token.ts'

describe('the subprotocols that a client offers', () => {
  const bad = { code: 4400, reason: 'the subprotocol must be: bearer, <token>' }

  it('carry a token after bearer, and are answered by bearer alone', () => {
    for (const header of ['bearer, a.b.c', 'bearer,a.b.c', ' bearer ,  a.b.c ']) {
      assert.deepEqual(readOfferedToken(header), { protocol: 'bearer', token: 'a.b.c' })
    }
    assert.deepEqual(readOfferedToken('bearer, '), { protocol: 'bearer', token: '' })
  })

  it('are bad when bearer has no token, several, or comes after it; the answer never holds the token', () => {
    for (const header of ['bearer', 'a.b.c, bearer', 'bearer, a.b.c, graphql-ws', 'graphql-ws, bearer, a.b.c']) {
      assert.deepEqual(readOfferedToken(header), { protocol: 'bearer', token: bad })
    }
  })

  it('are not answered when they are others', () => {
    for (const header of ['', 'graphql-ws', 'a.b.c', 'Bearer, a.b.c', 'graphql-ws, mqtt']) {
      assert.deepEqual(readOfferedToken(header), { protocol: '', token: undefined })
    }
  })
})

import assert from 'node:assert/strict'
import { afterClose, backoff } from '../../../client/src/reconnect-policy.ts'
import { CLOSE } from '../../../src/sockets/close-codes.ts'

describe('what a client does after a close', () => {
  it('is decided for each code of the server', () => {
    const stops = [CLOSE.badRequest, CLOSE.forbidden, CLOSE.noSuchStream, CLOSE.replaced, CLOSE.tooManySubscriptions]
    const comesBack = [CLOSE.abnormal, CLOSE.ourFault, CLOSE.draining, CLOSE.silent, CLOSE.tooSlow, CLOSE.tooMany]
    const decided = Object.values(CLOSE).map((code) => [code, afterClose(code, '', 0, 0).do])
    const expected = [
      ...stops.map((code) => [code, 'stop']),
      ...comesBack.map((code) => [code, 'come_back']),
      [CLOSE.frameTooLarge, 'stop'],
      [CLOSE.unauthorized, 'renew_token'],
    ]
    assert.deepEqual(decided.sort(), expected.sort())
  })

  it('is to come back after a loss of the network', () => {
    for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 1013]) {
      assert.deepEqual(afterClose(code, '', 0, 1), { do: 'come_back', afterMs: 500 })
    }
  })

  it('is never before the time that the server asks for, and at random a little after it', () => {
    const reason = '{"retry_after_ms":4000}'
    assert.deepEqual(afterClose(4501, reason, 0, 0), { do: 'come_back', afterMs: 4000 })
    assert.deepEqual(afterClose(4501, reason, 0, 1), { do: 'come_back', afterMs: 5000 })
    assert.deepEqual(afterClose(4529, '{"retry_after_ms":0}', 0, 1), { do: 'come_back', afterMs: 0 })
    assert.deepEqual(afterClose(4501, reason, 6, 0), { do: 'come_back', afterMs: 15_000 })
  })

  it('does not trust a reason that is none', () => {
    for (const reason of ['', 'too slow', '{', 'null', '{"retry_after_ms":-1}', '{"retry_after_ms":1e99}', '[]']) {
      assert.deepEqual(afterClose(4501, reason, 1, 1), { do: 'come_back', afterMs: 1000 }, reason)
    }
  })

  it('takes longer after each failure, up to half a minute, and never twice the same', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 6, 60].map((attempt) => backoff(attempt, 1)),
      [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000],
    )
    assert.deepEqual([backoff(2, 0), backoff(2, 0.5)], [1000, 1500])
  })
})

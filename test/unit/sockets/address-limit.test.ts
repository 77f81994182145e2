import assert from 'node:assert/strict'
import { createAddressLimit } from '../../../src/sockets/address-limit.ts'

describe('the limits of one address', () => {
  let now: number
  let limit: ReturnType<typeof createAddressLimit>
  beforeEach(() => {
    now = 5_000
    limit = createAddressLimit({ maxSockets: 2, handshakesPerMinute: 3, now: () => now })
  })
  const enter = (...addresses: string[]) => addresses.map((address) => limit.enter(address))

  it('count its open sockets', () => {
    assert.deepEqual(enter('192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2'), [true, true, false, true])
    limit.leave('192.0.2.1')
    assert.deepEqual(enter('192.0.2.1', '192.0.2.1'), [true, false])
    for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2']) limit.leave(address)
    assert.equal(limit.addresses(), 0)
  })

  it('count its handshakes in a minute, and say when it is over', () => {
    const often = (times: number) => Array.from({ length: times }, () => limit.tooOften('192.0.2.1'))
    assert.deepEqual(often(3), [null, null, null])
    now += 20_000
    assert.deepEqual(often(2), [40, 40])
    assert.equal(limit.tooOften('192.0.2.2'), null)
    now += 39_999
    assert.deepEqual(often(1), [1])
    now += 1
    assert.deepEqual(often(3), [null, null, null])
  })

  it('are those of a whole /64 in IPv6', () => {
    assert.deepEqual(enter('2001:db8::1', '2001:db8:0:0:ffff::2', '2001:db8::3', '2001:db8:0:1::1'), [
      true,
      true,
      false,
      true,
    ])
    limit.leave('2001:db8::99')
    assert.deepEqual(enter('2001:db8::4', 'fe80::1', '::', '::2'), [true, true, true, true])
  })

  it('are none on loopback', () => {
    const many = Array.from({ length: 10 }, () => enter('127.0.0.1', '127.8.8.8', '::1')).flat()
    assert.ok(many.every(Boolean))
    for (let count = 0; count < 10; count += 1) assert.equal(limit.tooOften('::1'), null)
    limit.leave('127.0.0.1')
    assert.equal(limit.addresses(), 0)
  })
})

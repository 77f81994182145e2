import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type AddressClass, classify, plainAddress } from '../../../src/deliveries/address-classes.ts'
import { createAddressGuard } from '../../../src/deliveries/address-guard.ts'

/** Addresses by what they are, the edges of each range among them. */
const PUBLIC = {
  IPv4: '1.1.1.1 8.8.8.8 128.0.0.0 192.0.1.0 223.255.255.255',
  'IPv4 beside private ranges': '9.255.255.255 11.0.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 1.0.0.0',
  'IPv4 beside others':
    '100.63.255.255 100.128.0.0 126.255.255.255 169.253.255.255 169.255.0.0 198.17.255.255 198.20.0.0',
  'IPv4 beside single networks': '168.63.129.15 168.63.129.17 203.0.112.255 203.0.114.0',
  IPv6: '2001:4860:4860::8888 2606:4700:4700::1111 2a00:1450:4001:81b::200e 2000:: 2003::1',
  'IPv6 beside special ranges': '2001:200::1 3ffe::1 3fff:1000:: 2001:db7::1 2001:db9::1',
  'carrying public IPv4': '::ffff:8.8.8.8 ::ffff:808:808 64:ff9b::8.8.8.8 64:ff9b:1::808:808 2002:808:808::1',
  'public ISATAP': '2a00::5efe:8.8.8.8 2a00::200:5efe:808:808',
}
const SPECIAL = {
  'this network': '0.0.0.0 0.1.2.3 0.255.255.255',
  private: '10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255',
  'shared with the carrier': '100.64.0.0 100.100.100.200 100.127.255.255',
  loopback: '127.0.0.1 127.255.255.255 ::1 0:0:0:0:0:0:0:1',
  'link-local and metadata': '169.254.0.1 169.254.169.254 fe80::1 febf::1 fd00:ec2::254',
  'a cloud’s host agent': '168.63.129.16',
  'protocol assignments':
    '192.0.0.8 192.0.0.192 192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1 2001::1 2620:4f:8000::1',
  documentation: '192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1 3fff:fff:ffff::',
  benchmarks: '198.18.0.1 198.19.255.255 2001:2::1',
  'multicast, reserved or broadcast': '224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 ff02::1 ff0e::1',
  'unspecified, discard or unassigned': ':: 100::1 4000::1 1fff:ffff:: e000::1 5f00::1',
  'unique or site local': 'fc00::1 fdff::1 fec0::1',
  'Teredo or ORCHID': '2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1ff:ffff:: 2001:10::1 2001:20::1',
  mapped: '::ffff:10.0.0.1 ::ffff:a00:1 ::FFFF:127.0.0.1 0:0:0:0:0:ffff:a9fe:a9fe ::ffff:0.0.0.0 ::ffff:168.63.129.16',
  'compatible or translated': '::10.0.0.1 ::127.0.0.1 ::ffff:0:10.0.0.1 ::ffff:0:8.8.8.8',
  NAT64: '64:ff9b::a00:1 64:ff9b::169.254.169.254 64:ff9b:1::a00:1 64:ff9b:1:a00:0:100:808:808 64:ff9b:2::808:808',
  '6to4': '2002:a00:: 2002:0a00:: 2002:7f00:1::1 2002:a9fe:a9fe::',
  'ISATAP to inner IPv4': '2a00::5efe:10.0.0.1 2a00::200:5efe:c0a8:101',
  'ISATAP within inner prefixes': 'fe80::5efe:8.8.8.8 fd00::5efe:808:808 2001:db8::5efe:8.8.8.8',
}
const MALFORMED = {
  'no address': 'localhost example.com [::1] 8.8.8.8/32 ::: 1:2:3 ::ffff:10.0.0 12345:: 1.2.3.4.',
  'a spelling of IPv4 that only some read': '127.1 0x7f000001 2130706433 010.0.0.1 10.0.0.256',
  'an address with a zone': '::1%lo fe80::1%eth0',
}

const all = (groups: Record<string, string>) => Object.values(groups).flatMap((group) => group.split(' '))

describe('the class of an address', () => {
  const table: [AddressClass, Record<string, string>][] = [
    ['public', PUBLIC],
    ['special', SPECIAL],
    ['malformed', MALFORMED],
  ]
  for (const [expected, groups] of table) {
    for (const [what, addresses] of Object.entries(groups)) {
      it(`is ${expected} for ${what}: ${addresses}`, () => {
        for (const address of addresses.split(' ')) assert.equal(classify(address), expected, address)
      })
    }
  }

  it('is malformed for nothing and for spaces', () => {
    for (const text of ['', ' ', ' 8.8.8.8', '8.8.8.8\n'])
      assert.equal(classify(text), 'malformed', JSON.stringify(text))
  })

  it('of a mapped, NAT64 or 6to4 address is that of the IPv4 address in it', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
        const words = [(a << 8) | b, (c << 8) | d].map((word) => word.toString(16)).join(':')
        for (const carrier of [`::ffff:${address}`, `::ffff:${words}`, `64:ff9b::${words}`, `2002:${words}::5`]) {
          assert.equal(classify(carrier), classify(address), carrier)
        }
      }),
    )
  })

  it('is never public for IPv6 outside of 2000::/3 that carries nothing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0x4000, max: 0xffff }), fc.ipV6(), (first, rest) => {
        const address = `${first.toString(16)}:${rest.split(':').slice(1).join(':')}`
        assert.notEqual(classify(address), 'public', address)
      }),
    )
  })
})

describe('the plain form of an address', () => {
  it('is one for all spellings', () => {
    const families = [
      ['10.0.0.1', '::ffff:10.0.0.1', '::ffff:a00:1', '0:0:0:0:0:FFFF:0A00:0001'],
      [
        '2001:4860:4860:0:0:0:0:8888',
        '2001:4860:4860::8888',
        '2001:4860:4860:0000::8888',
        '2001:4860:4860::0.0.136.136',
      ],
      ['0:0:0:0:0:0:0:1', '::1', '0::1', '::0.0.0.1'],
      ['0:0:0:0:0:0:0:0', '::'],
    ]
    for (const [plain = '', ...spellings] of families) {
      for (const spelling of [plain, ...spellings]) assert.equal(plainAddress(spelling), plain, spelling)
    }
  })

  it('leaves what is no address alone', () => assert.equal(plainAddress('localhost'), 'localhost'))
})

describe('the address guard', () => {
  const nothingOwn = () => []

  it('lets public addresses pass and refuses the others with a reason', () => {
    const guard = createAddressGuard([], nothingOwn)
    const remedy = ' (only an operator can open it, with WEBHOOK_ALLOW_CIDRS)'
    for (const address of all(PUBLIC)) assert.equal(guard.refuse(address), null, address)
    for (const address of all(SPECIAL))
      assert.equal(guard.refuse(address), `${address} is not a public address${remedy}`)
    for (const address of all(MALFORMED)) assert.equal(guard.refuse(address), `${address} is not an address`)
    assert.equal(guard.loopbackAllowed, false)
  })

  it('opens ranges, and only these', () => {
    const guard = createAddressGuard(['10.1.0.0/16', '192.168.1.7/32', 'fd12:3456::/32'], nothingOwn)
    const open = ['10.1.0.0', '10.1.255.255', '::ffff:10.1.2.3', '::ffff:a01:203', '192.168.1.7', 'fd12:3456:1::1']
    for (const address of open) assert.equal(guard.refuse(address), null, address)
    const closed = ['10.0.255.255', '10.2.0.0', '192.168.1.8', 'fd12:3457::1', '127.0.0.1', '::1', '64:ff9b::a01:203']
    for (const address of closed) assert.notEqual(guard.refuse(address), null, address)
    assert.equal(guard.loopbackAllowed, false)
  })

  it('knows when loopback is opened', () => {
    const guard = createAddressGuard(['127.0.0.0/8', '::1/128'], nothingOwn)
    assert.equal(guard.loopbackAllowed, true)
    for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])
      assert.equal(guard.refuse(address), null)
    for (const address of ['10.0.0.1', '0.0.0.0', '::', '::2']) assert.notEqual(guard.refuse(address), null, address)
  })

  it('refuses this host’s own public addresses in every spelling, unless they are opened', () => {
    const own = () => ['8.8.4.4', '2a00:1:2:3::4', '::1']
    const guard = createAddressGuard([], own)
    for (const address of ['8.8.4.4', '::ffff:8.8.4.4', '::ffff:808:404', '2a00:1:2:3::4', '2A00:1:2:3:0:0:0:4']) {
      assert.match(guard.refuse(address) ?? '', /^\S+ is an address of this host \(/)
    }
    for (const carrier of ['64:ff9b::808:404', '2002:808:404::1', '2a00::5efe:8.8.4.4']) {
      assert.match(guard.refuse(carrier) ?? '', /^\S+ is an address of this host \(/)
    }
    assert.equal(guard.refuse('8.8.4.5'), null)
    const opened = createAddressGuard(['8.8.4.0/24', '2a00:1::/32'], own)
    assert.equal(opened.refuse('8.8.4.4'), null)
    assert.equal(opened.refuse('2a00:1:2:3::4'), null)
  })

  it('looks at the host’s addresses again after a while', () => {
    let now = 0
    let own: string[] = []
    const guard = createAddressGuard(
      [],
      () => own,
      () => now,
    )
    assert.equal(guard.refuse('8.8.4.4'), null)
    own = ['8.8.4.4']
    now += 31_000
    assert.match(guard.refuse('8.8.4.4') ?? '', /of this host/)
  })

  it('reads the addresses of this host by itself', () => {
    assert.equal(createAddressGuard([]).refuse('8.8.8.8'), null)
  })
})

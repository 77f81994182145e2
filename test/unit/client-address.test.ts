import assert from 'node:assert/strict'
import { clientAddress } from '../../src/client-address.ts'

const PEER = '192.0.2.1'

describe('the address of the client', () => {
  const table: [what: string, forwardedFor: string, trustedProxies: number, expected: string][] = [
    ['is the peer’s when no proxy is trusted', '198.51.100.7', 0, PEER],
    ['is the peer’s when there is no header', '', 1, PEER],
    ['is what the one proxy appended', '198.51.100.7', 1, '198.51.100.7'],
    ['is not what the client claimed before it', '10.0.0.1, 203.0.113.9, 198.51.100.7', 1, '198.51.100.7'],
    ['is what the outermost of two proxies appended', '10.0.0.1, 198.51.100.7, 172.16.0.3', 2, '198.51.100.7'],
    ['is the leftmost entry when a proxy was bypassed', '198.51.100.7', 3, '198.51.100.7'],
    ['is read without the spaces around it', ' 10.0.0.1 ,\t198.51.100.7 ', 1, '198.51.100.7'],
    ['may be IPv6', '2001:db8::1,2001:db8::2', 2, '2001:db8::1'],
    ['is the peer’s when the entry is empty', '198.51.100.7,', 1, PEER],
    ['is the peer’s when the header is only commas', ',,', 2, PEER],
  ]
  for (const [what, forwardedFor, trustedProxies, expected] of table) {
    it(what, () => assert.equal(clientAddress(PEER, forwardedFor, trustedProxies), expected))
  }
})

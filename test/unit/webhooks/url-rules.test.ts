import assert from 'node:assert/strict'
import { createAddressGuard } from '../../../src/deliveries/address-guard.ts'
import { checkUrl } from '../../../src/webhooks/url-rules.ts'

const guard = createAddressGuard([], () => ['8.8.4.4'])
const embedded = createAddressGuard(['127.0.0.0/8', '::1/128'], () => [])

describe('the rules for a webhook’s URL', () => {
  const fine = [
    'https://example.com/webhook',
    'http://example.com',
    'HTTPS://EXAMPLE.COM/Hook?a=1&b=2',
    'https://hooks.example.co.uk:8443/a%20b',
    'https://example.com./',
    'https://my_service.example.org/',
    'https://xn--bcher-kva.example.net/',
    'https://bücher.example.net/',
    'https://8.8.8.8/hook',
    'http://[2001:4860:4860::8888]:8080/',
    'https://localhost.example.com/',
    'https://internal-tools.example.com/',
    'https://example.com/?next=http://127.0.0.1/',
    `https://example.com/${'a'.repeat(2028)}`,
  ]
  for (const url of fine) it(`accept ${url.slice(0, 60)}`, () => assert.equal(checkUrl(url, guard), null))

  const refused: [url: string, reason: RegExp][] = [
    ['', /not a URL/],
    ['example.com/hook', /not a URL/],
    ['/hook', /not a URL/],
    ['https://', /not a URL/],
    ['https://exa mple.com/', /must not hold spaces/],
    ...[' https://example.com/', 'https://example.com/ ', 'https://exa\tmple.com/', 'https://example.com/\r\nX: 1'].map(
      (url): [string, RegExp] => [url, /must not hold spaces/],
    ),
    ...[
      'https:\\\\example.com',
      'https://example.com\\@evil.example.org/',
      'https://example.com/\0',
      'https://example.com/\u202e',
    ].map((url): [string, RegExp] => [url, /must not hold spaces/]),
    ['https:example.com', /must begin with https/],
    ['https:/example.com', /must begin with https/],
    ['https:///example.com', /must begin with https/],
    ['https://example.com:99999/', /not a URL/],
    ['https://1.2.3.4.5/', /not a URL/],
    ['https://example.com:0/', /port 0/],
    ['ftp://example.com/', /must begin with https/],
    ['file:///etc/passwd', /must begin with https/],
    ['javascript:alert(1)', /must begin with https/],
    ['ws://example.com/', /must begin with https/],
    ['https://user@example.com/', /user or a password/],
    ['https://user:pass@example.com/', /user or a password/],
    ['https://:pass@example.com/', /user or a password/],
    ['https://example.com/#part', /fragment/],
    [`https://example.com/${'a'.repeat(2029)}`, /at most 2048/],
    ['https://redis/', /not a full host name/],
    ['https://com./', /not a full host name/],
    ['https://localhost../', /not a full host name/],
    ['https://example..com/', /not a full host name/],
    ['https://localhost/', /inner network/],
    ['https://LOCALHOST:3000/', /inner network/],
    ['https://localhost./', /inner network/],
    ['https://app.localhost/', /inner network/],
    ['https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/', /inner network/],
    ['http://metadata.google.internal/computeMetadata/v1/', /inner network/],
    ['https://printer.local/', /inner network/],
    ['https://router.home.arpa/', /inner network/],
    ['https://db.corp./', /inner network/],
    ['https://something.onion/', /inner network/],
  ]
  for (const [url, reason] of refused) {
    it(`refuse ${JSON.stringify(url.slice(0, 60))}`, () => assert.match(checkUrl(url, guard) ?? '', reason))
  }

  const spellings = [
    ...[
      '127.0.0.1',
      '127.1',
      '127.0.1',
      '2130706433',
      '0x7f000001',
      '0x7f.1',
      '0X7F.0.0.1',
      '0177.0.0.1',
      '017700000001',
    ],
    ...['127.0.0.1.', '0x7f.1.', '%31%32%37.0.0.1', '127。0。0。1', '１２７.0.0.1', '0', '0.0.0.0', '[::1]', '[::]'],
    ...[
      '[0:0:0:0:0:0:0:1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::127.0.0.1]',
      '[64:ff9b::7f00:1]',
      '[2002:7f00:1::]',
    ],
    ...[
      '10.0.0.1',
      '0xa.1',
      '167772161',
      '192.168.0.1',
      '169.254.169.254',
      '0xa9fea9fe',
      '2852039166',
      '[fd00:ec2::254]',
    ],
    ...['[fe80::1]', '168.63.129.16', '100.64.0.1', '[::ffff:10.0.0.1]', '[2002:0a00::]', '[64:ff9b::a00:1]'],
  ]
  for (const host of spellings) {
    it(`refuse an inner address written as ${host}`, () => {
      for (const url of [`http://${host}/`, `https://${host}:8443/hook`]) {
        assert.match(checkUrl(url, guard) ?? '', /is not a public address \(.*WEBHOOK_ALLOW_CIDRS\)$/)
      }
    })
  }

  it('refuse this host’s own address', () => {
    assert.match(checkUrl('https://8.8.4.4/', guard) ?? '', /address of this host/)
  })

  it('accept loopback and localhost, and nothing else within, where loopback is opened', () => {
    const open = [
      'http://localhost:3000/webhook',
      'http://localhost./',
      'http://127.0.0.1:3000/',
      'http://[::1]:3000/',
      'http://0x7f.1/',
    ]
    for (const url of open) assert.equal(checkUrl(url, embedded), null, url)
    for (const url of [
      'http://app.localhost/',
      'http://10.0.0.1/',
      'http://0.0.0.0/',
      'http://nas.local/',
      'http://redis/',
    ]) {
      assert.notEqual(checkUrl(url, embedded), null, url)
    }
  })
})

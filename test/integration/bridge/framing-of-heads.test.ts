import { alike, differing, itAnswers } from '../../support/raw-outcomes.ts'

const OTHER_STATUS = 'Any broken first line is another version for the native parser.'
const PARSER = 'The native parser has it so.'
const SILENT = 'The native parser waits for more and hangs up after ten seconds.'

const get = (target: string, more = '') => `GET ${target} HTTP/1.1\r\nHost: test\r\n${more}#\r\n`
const fields = (count: number) => Array.from({ length: count }, (_, index) => `X${index}: a\r\n`).join('')

const ALIKE = [
  ...alike('200 GET /read , kept', {
    GET: get('/read'),
    'an upgrade nobody takes': get('/read', 'Connection: Upgrade\r\nUpgrade: websocket\r\n').replace('#', ''),
    'an upgrade to HTTP/2': get(
      '/read',
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n',
    ).replace('#', ''),
    'a field with nothing in it': get('/read', 'X:\r\n'),
    'an empty Host': 'GET /read HTTP/1.1\r\nHost:\r\n#\r\n',
    '96 fields': get('/read', fields(94)),
  }),
  ...alike('200 GET /read?a=1&b=%20? , kept', {
    'a query': get('/read?a=1&b=%20?'),
  }),
  ...alike('200 GET /read? , kept', {
    'an empty query': get('/read?'),
  }),
  ...alike('200 GET /read?%zz%00 , kept', {
    'broken percent encoding': get('/read?%zz%00'),
  }),
  ...alike('404, kept', {
    'an encoded path': get('/%72ead'),
    'a path with dots': get('/x/../read'),
    'a path with two slashes': get('//read'),
  }),
  ...alike('200 GET /read?"<>^{}|` , kept', {
    'characters that a URL should not have': get('/read?"<>^{}|`'),
  }),
  ...alike('200 PROPFIND /read , kept', {
    PROPFIND: 'PROPFIND /read HTTP/1.1\r\nHost: test\r\n#\r\n',
  }),
  ...alike('200 QUERY /read , kept', {
    QUERY: 'QUERY /read HTTP/1.1\r\nHost: test\r\n#\r\n',
  }),
  ...alike('200 TRACE /read , kept', {
    TRACE: 'TRACE /read HTTP/1.1\r\nHost: test\r\n#\r\n',
  }),
  ...alike('200 PATCH /read , kept', {
    PATCH: 'PATCH /read HTTP/1.1\r\nHost: test\r\n#\r\n',
  }),
  ...alike('200 OPTIONS /read , kept', {
    OPTIONS: 'OPTIONS /read HTTP/1.1\r\nHost: test\r\n#\r\n',
  }),
  ...alike('200 M-SEARCH /read , kept', {
    'M-SEARCH': 'M-SEARCH /read HTTP/1.1\r\nHost: test\r\n#\r\n',
  }),
  ...alike('kept', {
    'half a head': 'GET /read HTTP/1.1\r\nHost: te',
    'empty lines': '\r\n\r\n\r\n',
  }),
  ...alike('200 GET /read , closed', {
    'Connection: Close': get('/read', 'Connection: Close\r\n').replace('#', ''),
    'close in a list': get('/read', 'Connection: te, close\r\n').replace('#', ''),
    'close in a second Connection': get('/read', 'Connection: keep-alive\r\nConnection: close\r\n').replace('#', ''),
  }),
  ...alike('200 GET /read x=c\xc3\xa9fe , kept', {
    'a field in UTF-8': get('/read', 'X: c\xc3\xa9fe\r\n'),
  }),
  ...alike('200 GET /read x=c\xe9fe , kept', {
    'a field in Latin-1': get('/read', 'X: c\xe9fe\r\n'),
  }),
  ...alike('200 GET /read x=a\tb , kept', {
    'a field with a tab': get('/read', 'X: a\tb\r\n'),
  }),
  ...alike('200 GET /read x=a , kept', {
    'a field without a space': get('/read', 'X:a\r\n'),
    'fields with spaces around': get('/read', 'X: \t a \t \r\n'),
    'names in upper case': 'GET /read HTTP/1.1\r\nHOST: test\r\n#X: a\r\n\r\n',
  }),
  ...alike('200 GET /read x=a, b , kept', {
    'repeated fields': get('/read', 'X: a\r\nX: b\r\nCookie: c\r\nCookie: d\r\nReferer: e\r\nReferer: f\r\n'),
  }),
  ...alike('413, kept', {
    'a field of 15 kB': get('/early', `X: ${'a'.repeat(15_000)}\r\n`),
  }),
]

const DIFFERENCES = [
  ...differing(
    { ours: '505, closed', node: '200 GET /read , closed', reason: 'The native parser knows HTTP/1.1 only.' },
    {
      'HTTP/1.0': 'GET /read HTTP/1.0\r\nHost: test\r\n#\r\n',
      'HTTP/2.0': 'GET /read HTTP/2.0\r\nHost: test\r\n#\r\n',
    },
  ),
  ...differing(
    { ours: '505, closed', node: '400, closed', reason: OTHER_STATUS },
    {
      'HTTP/1.2': 'GET /read HTTP/1.2\r\nHost: test\r\n#\r\n',
      'http/1.1 in lower case': 'GET /read http/1.1\r\nHost: test\r\n#\r\n',
      'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'the hello of TLS': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'lines without CR': 'GET /read HTTP/1.1\nHost: test\n\n',
      'lines without LF': 'GET /read HTTP/1.1\rHost: test\r\r',
      'a space before the method': ' GET /read HTTP/1.1\r\nHost: test\r\n#\r\n',
      'tabs in the first line': 'GET\t/read\tHTTP/1.1\r\nHost: test\r\n#\r\n',
      'a space in the target': 'GET /re ad HTTP/1.1\r\nHost: test\r\n#\r\n',
      'a space after the version': 'GET /read HTTP/1.1 \r\nHost: test\r\n#\r\n',
      'a target without a slash': 'GET read HTTP/1.1\r\nHost: test\r\n#\r\n',
      'a target with NUL': 'GET /read?\x00 HTTP/1.1\r\nHost: test\r\n#\r\n',
    },
  ),
  ...differing(
    { ours: '505, closed', node: 'kept', reason: 'There is no HTTP/0.9 any more.' },
    {
      'a first line without a version': 'GET /read\r\n',
    },
  ),
  ...differing(
    { ours: '505, closed', node: '200 GET /read , kept', reason: PARSER },
    {
      'two spaces before the target': 'GET  /read HTTP/1.1\r\nHost: test\r\n#\r\n',
    },
  ),
  ...differing(
    { ours: '505, closed', node: '404, kept', reason: PARSER },
    {
      'OPTIONS *': 'OPTIONS * HTTP/1.1\r\nHost: test\r\n#\r\n',
    },
  ),
  ...differing(
    { ours: '505, closed', node: '200 GET http://test/read , kept', reason: 'Ours is no proxy.' },
    {
      'a target with a host': 'GET http://test/read HTTP/1.1\r\nHost: test\r\n#\r\n',
    },
  ),
  ...differing(
    { ours: '505, closed', node: 'closed', reason: 'Node says nothing.' },
    {
      'CONNECT to a host': 'CONNECT test:80 HTTP/1.1\r\nHost: test\r\n#\r\n',
    },
  ),
  ...differing(
    { ours: 'kept', node: '400, closed', reason: SILENT, since22: { ours: '400, closed' } },
    {
      'a field with NUL': get('/read', 'X: a\x00b\r\n'),
      'a field with a control character': get('/read', 'X: a\x01b\r\n'),
      'a field with LF': get('/read', 'X: a\nY: b\r\n'),
      'a folded field': get('/read', 'X: a\r\n b\r\n'),
      'a field without a colon': get('/read', 'Nocolon\r\n'),
      'a space before the colon': get('/read', 'X : a\r\n'),
      'a name with a bracket': get('/read', 'X(y): a\r\n'),
      'a name beyond ASCII': get('/read', 'X\xe9: a\r\n'),
      'a head without fields': 'GET /read HTTP/1.1\r\n\r\n',
    },
  ),
  ...differing(
    { ours: '200 GET /read x=a\x7fb , kept', node: '400, closed', reason: PARSER },
    {
      'a field with DEL': get('/read', 'X: a\x7fb\r\n'),
    },
  ),
  ...differing(
    {
      ours: '200 GET /read x=caf , kept',
      node: '200 GET /read x=caf\xe9 , kept',
      reason: 'The native parser trims such bytes as if they were spaces.',
    },
    {
      'a field that ends beyond ASCII': get('/read', 'X: caf\xe9\r\n'),
    },
  ),
  ...differing(
    {
      ours: '200 GET /read , kept',
      node: '400, closed',
      reason:
        'The native parser ends the list of fields there, which cannot be seen from outside; proxies drop or refuse it.',
    },
    {
      'a field without a name': get('/read', ': a\r\n').replace('#', ''),
    },
  ),
  ...differing(
    {
      ours: '200 GET /read , closed',
      node: '200 GET /read , kept',
      reason: 'The native parser compares the length of `close`.',
    },
    {
      'a Connection of five letters': get('/read', 'Connection: abcde\r\n').replace('#', ''),
    },
  ),
  ...differing(
    { ours: '505, closed', node: '400, closed', reason: OTHER_STATUS, since22: { ours: 'kept' } },
    { garbage: 'hello\r\n\r\n' },
  ),
  ...differing(
    { ours: '505, closed', node: '200 GET /read , kept', reason: PARSER, since22: { ours: 'kept' } },
    { 'an empty line before the request': '\r\nGET /read HTTP/1.1\r\nHost: test\r\n#\r\n' },
  ),
  ...differing(
    { ours: 'kept', node: '400, closed', reason: SILENT },
    { 'a field with CR': get('/read', 'X: a\rb\r\n') },
  ),
  ...differing(
    { ours: 'kept', node: '200 GET /read , kept', reason: SILENT, since22: { ours: '200 GET /read , kept' } },
    { 'a name with an underscore': get('/read', 'X_y: a\r\n') },
  ),
  ...differing(
    { ours: 'kept', node: '200 GET /read , kept', reason: SILENT, since22: { ours: '431, closed' } },
    { 'more than 98 fields': get('/read', fields(98)) },
  ),
]

describe('the bridge, reading the head of a request,', () => itAnswers(ALIKE, DIFFERENCES))

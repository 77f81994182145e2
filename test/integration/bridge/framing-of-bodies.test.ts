import { alike, differing, itAnswers } from '../../support/raw-outcomes.ts'

const CLOSED = 'Trailers and extensions are misread, so no request follows one in chunks.'
const TRAILERS = 'The native parser takes them for the next request, which is none or comes too early.'
const LENIENT_CHUNKS =
  'The native parser is lenient; what it makes of the rest is not served, since the connection ends.'
const NOT_A_REQUEST_YET = 'Ours may wait whether they become a request.'
const SILENT = 'The native parser waits for more and hangs up after ten seconds.'
const PIPELINED = 'The native parser closes when a request comes before the answer to the one before.'

const NEXT = 'GET /read HTTP/1.1\r\nHost: test\r\n\r\n'
const get = (target: string, more = '') => `GET ${target} HTTP/1.1\r\nHost: test\r\n${more}#\r\n`
const post = (rest: string) => `POST /read HTTP/1.1\r\nHost: test\r\n${rest}`

const ALIKE = [
  ...alike('200 GET /read hello, kept', {
    'GET with a body': 'GET /read HTTP/1.1\r\nHost: test\r\n#Content-Length: 5\r\n\r\nhello',
  }),
  ...alike('200 DELETE /read hello, kept', {
    'DELETE with a body': 'DELETE /read HTTP/1.1\r\nHost: test\r\n#Content-Length: 5\r\n\r\nhello',
  }),
  ...alike('200 POST /read , kept', {
    'POST without a body': post('#\r\n'),
    'a length of zeros': post('#Content-Length: 000\r\n\r\n'),
  }),
  ...alike('200 POST /read hello, kept', {
    'a length with leading zeros': post('#Content-Length: 0005\r\n\r\nhello'),
  }),
  ...alike('kept', {
    'a body that does not come to its end': post('#Content-Length: 5\r\n\r\nhel'),
    'chunks that do not come to their end': post('#Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'),
  }),
  ...alike('400, closed', {
    'chunks sized beyond hexadecimal': post('#Transfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n'),
    'chunks sized with 0x': post('#Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n'),
    'chunks of a negative size': post('#Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n'),
    'chunks of an endless size': post('#Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n'),
  }),
  ...alike('100, 200 POST /read hello, kept', {
    'Expect: 100-continue': post('#Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello'),
  }),
  ...alike('413, kept', {
    'a body that is not read': 'POST /early HTTP/1.1\r\nHost: test\r\n#Content-Length: 5\r\n\r\nhello',
  }),
  ...alike('200 GET /read , 200 GET /read , kept', {
    'two requests in a row': `${get('/read')}${NEXT}`.replace('#', ''),
  }),
  ...alike('200 POST /read hello, 200 GET /read , kept', {
    'a body and a request in a row': `${post('Content-Length: 5\r\n\r\nhello')}${NEXT}`,
  }),
]

const DIFFERENCES = [
  ...differing(
    { ours: '200 GET /read hello, closed', node: '200 GET /read hello, kept', reason: CLOSED },
    {
      'GET with chunks':
        'GET /read HTTP/1.1\r\nHost: test\r\n#Transfer-Encoding: ChUnKeD\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    },
  ),
  ...differing(
    { ours: '200 POST /read hello world, closed', node: '200 POST /read hello world, kept', reason: CLOSED },
    {
      chunks: post('#Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'),
    },
  ),
  ...differing(
    { ours: '200 POST /read hellohello, closed', node: '200 POST /read hellohello, kept', reason: CLOSED },
    {
      'chunks sized in upper case and with zeros': post(
        '#Transfer-Encoding: chunked\r\n\r\n000A\r\nhellohello\r\n000\r\n\r\n',
      ),
    },
  ),
  ...differing(
    { ours: '413, closed', node: '413, kept', reason: CLOSED },
    {
      'chunks that are not read':
        'POST /early HTTP/1.1\r\nHost: test\r\n#Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    },
  ),
  ...differing(
    {
      ours: '413, closed',
      node: '413, kept',
      reason: 'The answer waits a second for the body, then the connection ends with it.',
    },
    {
      'a body that is neither read nor sent': 'POST /early HTTP/1.1\r\nHost: test\r\n#Content-Length: 5\r\n\r\n',
    },
  ),
  ...differing(
    {
      ours: 'kept',
      node: '200 POST /read hello, kept',
      reason: 'The native parser takes the extension for a part of the size and waits for more.',
    },
    {
      'chunks with an extension': post('#Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n'),
    },
  ),
  ...differing(
    { ours: '505, closed', node: '200 POST /read hello, kept', reason: TRAILERS },
    {
      'chunks with trailers': post('#Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n'),
    },
  ),
  ...differing(
    { ours: 'closed', node: '200 POST /read , kept', reason: TRAILERS },
    {
      'chunks with a trailer that looks like a request': post(
        '#Transfer-Encoding: chunked\r\n\r\n0\r\nXXGET: /read HTTP/1.1\r\nHost: test\r\n\r\n',
      ),
    },
  ),
  ...differing(
    { ours: 'closed', node: '400, closed', reason: TRAILERS },
    {
      'chunks with a request for a trailer': post(
        '#Transfer-Encoding: chunked\r\n\r\n0\r\nXXGET /read HTTP/1.1\r\nHost: test\r\n\r\n',
      ),
    },
  ),
  ...differing(
    { ours: '200 POST /read hello, closed', node: '400, closed', reason: LENIENT_CHUNKS },
    {
      'chunk sizes followed by a space': post('#Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n'),
      'chunk sizes followed by a space and an extension': post(
        '#Transfer-Encoding: chunked\r\n\r\n5 ;a=b\r\nhello\r\n0\r\n\r\n',
      ),
      'chunk lines without CR': post('#Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n'),
    },
  ),
  ...differing(
    { ours: '200 POST /read hellohellohello!, closed', node: '400, closed', reason: LENIENT_CHUNKS },
    {
      'chunk sizes with a g': post('#Transfer-Encoding: chunked\r\n\r\ng\r\nhellohellohello!\r\n0\r\n\r\n'),
    },
  ),
  ...differing(
    { ours: '200 POST /read hel, closed', node: '400, closed', reason: LENIENT_CHUNKS },
    {
      'chunks longer than their size': post('#Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n'),
    },
  ),
  ...differing(
    { ours: '200 POST /read hel, kept', node: '400, closed', reason: NOT_A_REQUEST_YET },
    {
      'bytes after the body': post('#Content-Length: 3\r\n\r\nhello'),
    },
  ),
  ...differing(
    { ours: 'kept', node: '400, closed', reason: SILENT, since22: { ours: '400, closed' } },
    {
      'a length with a space before the colon': get('/read', 'Content-Length : 5\r\n'),
      'a coding with a space before the colon': get('/read', 'Transfer-Encoding : chunked\r\n'),
      'a coding after a vertical tab': get('/read', 'Transfer-Encoding: \x0bchunked\r\n'),
    },
  ),
  ...differing(
    { ours: '200 POST /read hello, kept', node: '417, kept', reason: 'RFC 9110 §10.1.1 allows to ignore it.' },
    {
      'an expectation nobody knows': post('#Expect: something\r\nContent-Length: 5\r\n\r\nhello'),
    },
  ),
  ...differing(
    {
      ours: '200 POST /read hello, kept',
      node: '100, 200 POST /read hello, kept',
      reason: 'The native parser knows it in lower case only; the client goes on after a moment.',
    },
    {
      'Expect: 100-Continue': post('#Expect: 100-Continue\r\nContent-Length: 5\r\n\r\nhello'),
    },
  ),
  ...differing(
    { ours: 'closed', node: '200 GET /slow , 200 GET /read , kept', reason: PIPELINED },
    {
      'a request before the answer to the one before': `${get('/slow').replace('#', '')}${NEXT}`,
    },
  ),
  ...differing(
    { ours: 'closed', node: '400, closed', reason: PIPELINED },
    {
      'a request after the last': get('/read').replace('#', 'Connection: close\r\n') + NEXT,
    },
  ),
  ...differing(
    { ours: 'closed', node: '200 POST /read hello, 200 GET /read , kept', reason: PIPELINED },
    {
      'a request after chunks':
        post('#Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n').replace('#', '') + NEXT,
    },
  ),
  ...differing(
    { ours: '505, closed', node: '400, closed', reason: LENIENT_CHUNKS, since22: { ours: '200 POST /read , closed' } },
    { 'chunks without a size': post('#Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n') },
  ),
  ...differing(
    { ours: '505, closed', node: '400, closed', reason: NOT_A_REQUEST_YET, since22: { ours: '200 POST /read , kept' } },
    { 'bytes after POST without a length': post('#\r\nhello') },
  ),
  ...differing(
    {
      ours: '200 POST /read hello, kept',
      node: '400, closed',
      reason: 'RFC 9112 §5 allows tabs around a value.',
      since22: { node: '200 POST /read hello, kept' },
    },
    { 'a length between tabs': post('#Content-Length: \t 5 \t\r\n\r\nhello') },
  ),
]

describe('the bridge, reading bodies and what follows them,', () => itAnswers(ALIKE, DIFFERENCES))

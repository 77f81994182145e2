import { alike, differing, itAnswers } from '../../support/raw-outcomes.ts'

const STRICTER = 'A proxy before us may pick the other one of two readings.'
const FOLLOWED = 'What follows is not served; the native parser closes when a request comes before the answer.'
const NEXT = 'GET /read HTTP/1.1\r\nHost: test\r\n\r\n'

const get = (target: string, fields = '') => `GET ${target} HTTP/1.1\r\nHost: test\r\n${fields}#\r\n`
const post = (rest: string) => `POST /read HTTP/1.1\r\nHost: test\r\n${rest}`

const ALIKE = [
  ...alike('400, closed', {
    'two equal Content-Length': post('#Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello'),
    'two different Content-Length': post('#Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!'),
    'Content-Length: 5, 5': post('#Content-Length: 5, 5\r\n\r\nhello'),
    'Content-Length: +5': post('#Content-Length: +5\r\n\r\nhello'),
    'Content-Length: -5': post('#Content-Length: -5\r\n\r\nhello'),
    'Content-Length: 0x5': post('#Content-Length: 0x5\r\n\r\nhello'),
    'Content-Length: 5.0': post('#Content-Length: 5.0\r\n\r\nhello'),
    'Content-Length: 5e0': post('#Content-Length: 5e0\r\n\r\nhello'),
    'Content-Length: 5 5': post('#Content-Length: 5 5\r\n\r\nhello'),
    'Content-Length: five': post('#Content-Length: five\r\n\r\nhello'),
    'Content-Length: 99999999999999999999': post('#Content-Length: 99999999999999999999\r\n\r\nhello'),
    'Content-Length: 18446744073709551621': post('#Content-Length: 18446744073709551621\r\n\r\nhello'),
    'Content-Length before Transfer-Encoding': post(
      '#Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ),
    'Transfer-Encoding before Content-Length': post(
      '#Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
    ),
    'Transfer-Encoding: identity': post('#Transfer-Encoding: identity\r\n\r\n0\r\n\r\n'),
    'Transfer-Encoding: gzip': post('#Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n'),
    'Transfer-Encoding: chunked, gzip': post('#Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n'),
    'Transfer-Encoding: chunked, chunked': post('#Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n'),
    'Transfer-Encoding: xchunked': post('#Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'),
    'two Transfer-Encoding': post('#Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    'a request without Host': 'GET /read HTTP/1.1\r\n#X: 1\r\n\r\n',
    'a method in lower case': 'get /read HTTP/1.1\r\nHost: test\r\n#\r\n',
    'a method nobody knows': 'FOO /read HTTP/1.1\r\nHost: test\r\n#\r\n',
    'a target in Latin-1': get('/read?\xe9'),
    'a target in UTF-8': get('/read?\xc3\xa9'),
    'a target with a control character': get('/read?\x7f'),
  }),
  ...alike('431, closed', {
    'a field of 17 kB': get('/read', `X: ${'a'.repeat(17_000)}\r\n`),
    'a target of 17 kB': get(`/read?${'a'.repeat(17_000)}`),
    'many fields of 17 kB': get('/read', `X: ${'a'.repeat(1_700)}\r\n`.repeat(10)),
  }),
]

const DIFFERENCES = [
  ...differing(
    { ours: '400, closed', node: '200 GET /read , kept', reason: STRICTER },
    {
      'two Host': get('/read', 'Host: other\r\n'),
      'two equal Host': get('/read', 'Host: test\r\n'),
      'two Authorization': get('/read', 'Authorization: a\r\nAuthorization: b\r\n'),
    },
  ),
  ...differing(
    { ours: '400, closed', node: '200 POST /read , kept', reason: STRICTER },
    {
      'Transfer-Encoding: gzip, chunked': post('#Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'),
    },
  ),
  ...differing(
    { ours: '400, closed', node: '413, kept', reason: 'It is more than a number holds exactly.' },
    {
      'a Content-Length of 16 digits':
        'POST /early HTTP/1.1\r\nHost: test\r\n#Content-Length: 9999999999999999\r\n\r\n',
    },
  ),
  ...differing(
    { ours: '400, closed', node: 'closed', reason: 'Node says nothing.' },
    {
      CONNECT: 'CONNECT /read HTTP/1.1\r\nHost: test\r\n#\r\n',
    },
  ),
  ...differing(
    { ours: 'closed', node: '400, closed', reason: FOLLOWED },
    {
      'two Content-Length with a request in the body': post(
        `#Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello${NEXT}`,
      ),
    },
  ),
  ...differing(
    { ours: '400, closed', node: '200 POST /read , kept', reason: STRICTER, since22: { node: '400, closed' } },
    { 'an empty Transfer-Encoding': post('#Transfer-Encoding: \r\n\r\n') },
  ),
  ...differing(
    {
      ours: '505, closed',
      node: '400, closed',
      reason: 'The native parser takes the body for the next head.',
      since22: { ours: '400, closed' },
    },
    { 'an empty Content-Length': post('#Content-Length: \r\n\r\nhello') },
  ),
  ...differing(
    {
      ours: 'closed',
      node: '200 GET /read , 200 GET /read , kept',
      reason: FOLLOWED,
      since22: { ours: '400, closed' },
    },
    { 'two Host with a request behind': `GET /read HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${NEXT}` },
  ),
]

describe('the bridge, asked what could be read in two ways,', () => itAnswers(ALIKE, DIFFERENCES))

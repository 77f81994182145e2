import { type BridgeAndNode, startBoth } from '../../support/bridge-and-node.ts'
import { ROUTES } from '../../support/bridge-routes.ts'
import { checkTable, compare, type Difference } from '../../support/raw-compare.ts'

const METHODS = ['GET', 'POST', 'HEAD']
const CONNECTIONS = ['keep-alive', 'close']
/** Two cores carry twelve times 8 MB. */
const BIG_MS = 20_000
/** Their own tests are about aborts and bodies. */
const ELSEWHERE = new Set(['/never', '/destroy-on-data', '/answer-on-data'])

const SIZED = 'The length is known by the time that the head goes out, so it is sent instead of chunks.'
const DESTROYED = 'A handler that leaves a body unread, as `for await` with a break does, may still answer.'
const TOLD =
  'HEAD’s connection is left to the client, who is told to close it: the library’s own way would send a length.'
const CUT = 'The answer is broken; Node lets the client wait for bytes that never come.'
const LENGTH_OF_205 = 'RFC 9110 §15.3.6 asks for a length of zero; without it Node must close.'
const NO_INFORMATION = 'The library alone answers `Expect: 100-continue`.'

const DIFFERENCES: Difference[] = [
  ...rows('/205', 'GET POST', 'close', { ours: { 'content-length': '0' }, node: {}, reason: LENGTH_OF_205 }),
  ...rows('/205', 'GET POST', 'keep-alive', {
    ours: { 'content-length': '0', connection: 'kept' },
    node: { connection: 'closed' },
    reason: LENGTH_OF_205,
  }),
  ...rows('/latin1-header', 'GET POST', 'keep-alive close', {
    ours: { 'x-name': 'caf\u00e9' },
    node: { 'x-name': 'caf\u00c3\u00a9' },
    reason: 'Ours are always Latin-1; Node sends the head as UTF-8 together with a body that is a string.',
  }),
  ...rows('/sized-too-short', 'GET POST', 'keep-alive', {
    ours: { connection: 'closed' },
    node: { connection: 'kept' },
    reason: CUT,
  }),
  ...rows('/whole-too-short', 'GET POST', 'keep-alive', {
    ours: { connection: 'closed' },
    node: { connection: 'kept', status: '200 OK', body: 'short', complete: 'no', 'content-length': '9' },
    reason: CUT,
  }),
  ...rows('/sized-too-long', 'GET POST', 'keep-alive close', {
    ours: {},
    node: { rest: 'hree' },
    reason: 'Node sends more than it has declared, which a client takes for the next answer.',
  }),
  ...rows('/closing', 'HEAD', 'keep-alive', {
    ours: { connection: 'kept' },
    node: { connection: 'closed' },
    reason: TOLD,
  }),
  ...rows('/early-and-closing', 'HEAD', 'keep-alive', {
    ours: { connection: 'kept' },
    node: { connection: 'closed' },
    reason: TOLD,
  }),
  ...rows('/write-head', 'GET POST', 'keep-alive close', {
    ours: { 'content-length': '3' },
    node: { 'transfer-encoding': 'chunked' },
    reason: SIZED,
  }),
  ...rows('/write-head-list', 'GET POST', 'keep-alive close', {
    ours: { 'content-length': '3' },
    node: { 'transfer-encoding': 'chunked' },
    reason: SIZED,
  }),
  ...['/write-head-twice', '/set-after-write-head'].flatMap((path) =>
    rows(path, 'GET POST', 'keep-alive close', {
      ours: { 'content-length': '21' },
      node: { 'transfer-encoding': 'chunked' },
      reason: SIZED,
    }),
  ),
  ...rows('/write-continue', 'GET POST', 'keep-alive close', {
    ours: { status: '404 Not Found', body: 'continued', 'content-length': '9' },
    node: {
      ...{ status: '100 Continue', body: '' },
      ...{ '2.status': '404 Not Found', '2.body': 'continued', '2.content-length': '9' },
    },
    reason: NO_INFORMATION,
  }),
  ...rows('/write-continue', 'HEAD', 'keep-alive close', {
    ours: { status: '404 Not Found' },
    node: { status: '100 Continue', '2.status': '404 Not Found', '2.body': '' },
    reason: NO_INFORMATION,
  }),
  ...rows('/trailers', 'HEAD', 'keep-alive close', {
    ours: { status: '404 Not Found', trailer: 'X-Sum' },
    node: {
      status: '500 Internal Server Error',
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '21',
    },
    reason: 'Trailers are not sent, so they are no mistake in an answer without chunks.',
  }),
  ...['GET', 'POST', 'HEAD'].flatMap((method) => [
    ...rows('/destroy-request', method, 'close', {
      ours: stillHere(method),
      node: {},
      reason: DESTROYED,
    }),
    ...rows('/destroy-request', method, 'keep-alive', {
      ours: { ...stillHere(method), connection: 'kept' },
      node: { connection: 'closed' },
      reason: DESTROYED,
    }),
  ]),
]

describe('the answers of the bridge', () => {
  let both: BridgeAndNode
  before(async () => {
    both = await startBoth()
  })
  after(() => both.stop())

  const all = Object.keys(ROUTES).filter((path) => !ELSEWHERE.has(path))
  for (const path of all) {
    it(`are those of node:http to ${path}, whatever the method and whether the connection goes on`, () =>
      Promise.all(casesOf(path).map((one) => compare(both, one, DIFFERENCES))))
  }

  it('differ for no case that is not there', () => checkTable(all.flatMap(casesOf), DIFFERENCES))
})

function casesOf(path: string) {
  return METHODS.flatMap((method) =>
    CONNECTIONS.map((connection) => ({
      name: `${method} ${path} (${connection})`,
      pieces: [request(method, path, connection)],
      manner: { bodiless: method === 'HEAD', patienceMs: path.startsWith('/big') ? BIG_MS : 1_500 },
    })),
  )
}

function request(method: string, path: string, connection: string): string {
  const body = method === 'POST' ? 'Content-Length: 4\r\n\r\nbody' : '\r\n'
  return `${method} ${path} HTTP/1.1\r\nHost: test\r\nConnection: ${connection}\r\n${body}`
}

/** One difference for every combination of methods and connections. */
function rows(path: string, methods: string, connections: string, what: Omit<Difference, 'case'>): Difference[] {
  return methods
    .split(' ')
    .flatMap((method) =>
      connections.split(' ').map((connection) => ({ case: `${method} ${path} (${connection})`, ...what })),
    )
}

function stillHere(method: string) {
  return {
    status: '200 OK',
    body: method === 'HEAD' ? '' : 'still here',
    'content-type': 'text/plain; charset=utf-8',
    'content-length': '10',
  }
}

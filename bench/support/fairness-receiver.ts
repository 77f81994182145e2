import uWS from 'uWebSockets.js'

/**
 * The receiver of the fairness bench, a process of its own. `/hook/<webhook>` answers after a moment and notes how long ago the
 * event was published; `/hang/…` answers after 30 s; while it is down it cuts every connection. Prints its port; `GET /seen`
 * tells what it saw since `POST /reset`.
 */
const HANG_MS = 30_000
const ANSWER_MS = 5

let down = false
let latencies: number[] = []
let perSecond: Record<string, number> = {}
let firstUp: Record<string, number> = {}
let refused = 0
let most = 0
const underWay = new Map<string, number>()

function answer(response: uWS.HttpResponse, path: string, body: Buffer): void {
  const now = Date.now()
  if (down) {
    refused += 1
    response.close()
    return
  }
  const open = (underWay.get(path) ?? 0) + 1
  underWay.set(path, open)
  most = Math.max(most, open)
  const second = String(Math.floor(now / 1000))
  perSecond[second] = (perSecond[second] ?? 0) + 1
  firstUp[path] ??= now
  if (!path.startsWith('/hang')) latencies.push(now - Date.parse(JSON.parse(body.toString()).timestamp))
  let over = false
  const end = () => {
    if (!over) underWay.set(path, (underWay.get(path) ?? 1) - 1)
    over = true
  }
  response.onAborted(end)
  const delay = path.startsWith('/hang') ? HANG_MS : ANSWER_MS
  setTimeout(() => {
    if (!over) response.cork(() => response.end('ok'))
    end()
  }, delay)
}

uWS
  .App()
  .get('/seen', (response) => {
    response.end(JSON.stringify({ latencies, perSecond, firstUp, refused, most }))
  })
  .post('/reset', (response) => {
    latencies = []
    perSecond = {}
    firstUp = {}
    refused = 0
    most = 0
    response.end()
  })
  .post('/down', (response) => {
    down = true
    response.end()
  })
  .post('/up', (response) => {
    down = false
    response.end()
  })
  .any('/*', (response, request) => {
    const path = request.getUrl()
    const chunks: Buffer[] = []
    response.onAborted(() => undefined)
    response.onData((chunk, isLast) => {
      chunks.push(Buffer.from(chunk.slice(0)))
      if (isLast) answer(response, path, Buffer.concat(chunks))
    })
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (socket) process.stdout.write(`${uWS.us_socket_local_port(socket)}\n`)
  })

import uWS from 'uWebSockets.js'

/**
 * The receiver of the delivery benches, a process of its own: as cheap as one can be, so that it is not the limit. Prints its
 * port; `GET /count` tells the requests and the connections so far, and when the first request came.
 */
let requests = 0
let firstAt = 0
let lastAt = 0
const peers = new Set<string>()

uWS
  .App()
  .get('/count', (response) => {
    response.end(JSON.stringify({ requests, connections: peers.size, firstAt, lastAt }))
  })
  .post('/reset', (response) => {
    requests = 0
    firstAt = 0
    peers.clear()
    response.end()
  })
  .any('/*', (response, request) => {
    const delay = Number(request.getHeader('x-bench-delay') || 0)
    let gone = false
    response.onAborted(() => {
      gone = true
    })
    response.onData((_chunk, isLast) => {
      if (!isLast) return
      lastAt = Date.now()
      if (requests === 0) firstAt = lastAt
      requests += 1
      if (delay === 0) response.end('ok')
      else setTimeout(() => gone || response.cork(() => response.end('ok')), delay)
    })
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (socket) process.stdout.write(`${uWS.us_socket_local_port(socket)}\n`)
  })

import uWS from 'uWebSockets.js'

/**
 * The receiver of the delivery benches, a process of its own: as cheap as one can be, so that it is not the limit. Prints its
 * port; `GET /count` tells the requests and the connections so far. With `ARRIVALS` set it also keeps when the head of each
 * event's request came, for `GET /arrivals`.
 */
let requests = 0
const peers = new Set<string>()
const arrivals: [eventId: string, at: number][] | null = process.env['ARRIVALS'] ? [] : null

uWS
  .App()
  .get('/count', (response) => {
    response.end(JSON.stringify({ requests, connections: peers.size }))
  })
  .get('/arrivals', (response) => {
    response.end(JSON.stringify(arrivals))
  })
  .post('/reset', (response) => {
    requests = 0
    peers.clear()
    arrivals?.splice(0)
    response.end()
  })
  .any('/*', (response, request) => {
    const delay = Number(request.getHeader('x-bench-delay') || 0)
    const arrivedAt = arrivals ? performance.timeOrigin + performance.now() : 0
    let gone = false
    response.onAborted(() => {
      gone = true
    })
    response.onData((chunk, isLast) => {
      const [eventId] = (arrivals && /evt_[-0-9a-f]{36}/.exec(Buffer.from(chunk).toString())) ?? []
      if (eventId) arrivals?.push([eventId, arrivedAt])
      if (!isLast) return
      requests += 1
      if (delay === 0) response.end('ok')
      else setTimeout(() => gone || response.cork(() => response.end('ok')), delay)
    })
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (socket) process.stdout.write(`${uWS.us_socket_local_port(socket)}\n`)
  })

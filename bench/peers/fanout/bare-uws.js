import uWS from 'uWebSockets.js'

/** What the streams stand on, alone: the ceiling. A message is its topic's four letters and the text; `tickMs` gathers them. */
const [port, tickMs] = process.argv.slice(2).map(Number)
const app = uWS.App()
let gathered = []

function put(text) {
  if (tickMs === 0) app.publish(text.slice(0, 4), text.slice(4))
  else gathered.push(text)
}

function spread() {
  for (const text of gathered) app.publish(text.slice(0, 4), text.slice(4))
  gathered = []
}

if (tickMs > 0) setInterval(spread, tickMs)

app.ws('/*', {
  maxBackpressure: 16 * 1024 * 1024,
  idleTimeout: 960,
  upgrade(response, request, context) {
    const key = request.getHeader('sec-websocket-key')
    response.upgrade({ topic: request.getUrl().slice(1) }, key, '', '', context)
  },
  open: (socket) => socket.subscribe(socket.getUserData().topic),
  message: (_socket, bytes) => put(Buffer.from(bytes).toString()),
})
app.listen('127.0.0.1', port, () => undefined)

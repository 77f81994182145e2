/** Bun's own server; a message is its topic's four letters and the text. `tickMs` gathers messages. */
const [port, tickMs] = process.argv.slice(2).map(Number)
let gathered = []

function put(text) {
  if (tickMs === 0) server.publish(text.slice(0, 4), text.slice(4))
  else gathered.push(text)
}

function spread() {
  for (const text of gathered) server.publish(text.slice(0, 4), text.slice(4))
  gathered = []
}

if (tickMs > 0) setInterval(spread, tickMs)

const server = Bun.serve({
  hostname: '127.0.0.1',
  port,
  fetch(request, upgrading) {
    const topic = new URL(request.url).pathname.slice(1)
    return upgrading.upgrade(request, { data: { topic } }) ? undefined : new Response('', { status: 400 })
  },
  websocket: {
    backpressureLimit: 16 * 1024 * 1024,
    idleTimeout: 960,
    open: (socket) => socket.subscribe(socket.data.topic),
    message: (_socket, text) => put(text),
  },
})

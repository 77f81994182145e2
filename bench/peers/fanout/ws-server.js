import { WebSocketServer } from 'ws'

/** `ws` has no topics: a set of sockets each. A message is its topic's four letters and the text. */
const topics = new Map()
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false })

server.on('connection', (socket, { url }) => {
  const topic = url.slice(1)
  const members = topics.get(topic) ?? new Set()
  topics.set(topic, members.add(socket))
  socket.on('close', () => members.delete(socket))
  socket.on('error', () => undefined)
  socket.on('message', (bytes) => {
    const text = bytes.subarray(4)
    for (const member of topics.get(bytes.toString('latin1', 0, 4)) ?? []) member.send(text, { binary: false })
  })
})

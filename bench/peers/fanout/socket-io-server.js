import { Server } from 'socket.io'

/** One room a topic. */
const io = new Server({ transports: ['websocket'], serveClient: false })
io.on('connection', (socket) => {
  const { topic } = socket.handshake.query
  if (topic) socket.join(topic)
  socket.on('publish', (room, message) => io.to(room).emit('m', message))
})
io.listen(Number(process.argv[2]))

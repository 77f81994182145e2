import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { freePort } from './ports.ts'
import { startProgram } from './program.ts'

const LISTEN = `require('node:net').createServer().listen(+process.argv[1], '127.0.0.1', 1, () => console.log('listening'))`
/** More than a backlog of one takes: the rest of them is left unanswered. */
const FILLERS = 8

/** A port of loopback where connections are neither taken nor refused: its process is stopped and its backlog full. */
export async function openFullBacklog(): Promise<{ port: number; close(): Promise<void> }> {
  const port = await freePort()
  const program = startProgram(process.execPath, ['-e', LISTEN, String(port)])
  await program.waitFor(/listening/)
  await program.kill('SIGSTOP')
  const sockets: Socket[] = []
  for (let count = 0; count < FILLERS; count += 1) sockets.push(connect(port, '127.0.0.1').on('error', () => undefined))
  await setTimeout(200)
  return {
    port,
    async close() {
      for (const socket of sockets) socket.destroy()
      await program.kill('SIGKILL')
    },
  }
}

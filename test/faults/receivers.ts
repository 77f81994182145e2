import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { Arrival } from '../support/ledgers.ts'
import { endWithParent } from './end-with-parent.ts'

/*
 * The receivers of a fault run, a process of their own: one HTTP server for each webhook. Each keeps a line of every request,
 * its signatures checked over the raw bytes, before it answers. Prints the ports; the first is that of the control server:
 * `POST /behave`, `/down`, `/up`; `GET /lines`, `/state`.
 *
 *   receivers.ts <secret> <number of webhooks>
 */
export interface Behaviour {
  /** Which of them, else all. */
  receiver?: number
  /** `hang` takes the request and never answers; `reset` cuts the connection. */
  answer: number | 'hang' | 'reset'
  delayMs?: number
  /** Every so many requests are answered 503 instead. */
  failEvery?: number
}

export interface ReceiverState {
  requests: number[]
  connections: number[]
  /** The most requests that were under way at once. */
  mostAtOnce: number[]
}

const [secret = '', number = '1'] = process.argv.slice(2)
const lines: Arrival[] = []
const receivers = Array.from({ length: Number(number) }, () => createReceiver())
const control = createServer(async (request, response) => {
  const body = await readAll(request)
  if (request.url === '/behave') behave(JSON.parse(body))
  if (request.url === '/down') await Promise.all(receivers.map((receiver) => receiver.down()))
  if (request.url === '/up') await Promise.all(receivers.map((receiver) => receiver.listen()))
  response.end(JSON.stringify(request.url === '/lines' ? lines : stateOf()))
})
control.listen(0, '127.0.0.1')
await once(control, 'listening')
await Promise.all(receivers.map((receiver) => receiver.listen()))
process.stdout.write(`${JSON.stringify([portOf(control), ...receivers.map(({ port }) => port())])}\n`)
endWithParent()

function behave({ receiver, ...behaviour }: Behaviour): void {
  for (const [index, one] of receivers.entries()) {
    if (receiver === undefined || receiver === index)
      Object.assign(one.behaviour, { failEvery: 0, delayMs: 0 }, behaviour)
  }
}

function stateOf(): ReceiverState {
  return {
    requests: receivers.map(({ counts }) => counts.requests),
    connections: receivers.map(({ counts }) => counts.connections),
    mostAtOnce: receivers.map(({ counts }) => counts.mostAtOnce),
  }
}

function createReceiver() {
  const behaviour: Omit<Behaviour, 'receiver'> = { answer: 200 }
  const counts = { requests: 0, connections: 0, underWay: 0, mostAtOnce: 0 }
  const sockets = new Set<Socket>()
  let port = 0

  async function receive(headers: IncomingHttpHeaders, body: string, response: ServerResponse): Promise<void> {
    counts.requests += 1
    counts.underWay += 1
    counts.mostAtOnce = Math.max(counts.mostAtOnce, counts.underWay)
    response.once('close', () => {
      counts.underWay -= 1
    })
    const { answer, delayMs = 0, failEvery = 0 } = behaviour
    const status = typeof answer !== 'number' ? 0 : failEvery > 0 && counts.requests % failEvery === 0 ? 503 : answer
    lines.push({
      at: Date.now(),
      delivery: String(headers['x-webhook-delivery']),
      attempt: Number(headers['x-webhook-attempt']),
      verified: verified(headers, body),
      status,
    })
    if (answer === 'hang') return
    if (answer === 'reset') return void response.socket?.resetAndDestroy()
    if (delayMs > 0) await setTimeout(delayMs)
    response.writeHead(status).end()
  }

  const server = createServer((request, response) => {
    readAll(request).then(
      (body) => receive(request.headers, body, response),
      () => response.destroy(),
    )
  })
  server.on('connection', (socket) => {
    counts.connections += 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return {
    behaviour,
    counts,
    port: () => port,
    async listen() {
      if (server.listening) return
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      port = portOf(server)
    },
    async down() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.resetAndDestroy()
      await closed
    },
  }
}

/** Both signatures, as a receiver that trusts neither would check them. */
function verified(headers: IncomingHttpHeaders, body: string): boolean {
  const quickstart = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const standard = `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`
  return headers['x-webhook-signature'] === quickstart && headers['webhook-signature'] === standard
}

async function readAll(request: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

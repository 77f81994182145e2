import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { createSender, type Outcome, type Sender } from '../../../src/deliveries/send.ts'
import { withEnvironment } from '../../support/environment.ts'
import { CERTIFICATE, EXPIRED_CERTIFICATE, PRIVATE_KEY } from '../../support/work-certificate.ts'
import { startRawServer } from '../../support/work-raw-receiver.ts'

describe('the sender and TLS', () => {
  const closers: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })

  it('speaks TLS to a certificate for the name, and says tls to one for another name or of nobody', async () => {
    const server = await httpsServer()
    const lookup = async () => addresses('127.0.0.1')
    const trusting = newSender({ lookup, ca: CERTIFICATE })
    assert.equal((await post(trusting, `https://receiver.test:${server.port}/`)).kind, 'response')
    assert.deepEqual(server.names, ['receiver.test'])
    assert.equal((await post(trusting, `https://other.test:${server.port}/`)).kind, 'tls')
    assert.equal((await post(trusting, `https://127.0.0.1:${server.port}/`)).kind, 'tls')
    assert.equal((await post(newSender({ lookup }), `https://receiver.test:${server.port}/`)).kind, 'tls')
  })

  it('says tls to a certificate that has ended, and does not let the environment say otherwise', async () => {
    const server = await httpsServer(EXPIRED_CERTIFICATE)
    const sender = newSender({ lookup: async () => addresses('127.0.0.1'), ca: EXPIRED_CERTIFICATE })
    await withEnvironment({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, async () => {
      const outcome = await post(sender, `https://receiver.test:${server.port}/`)
      assert.equal(outcome.kind, 'tls', JSON.stringify(outcome))
    })
  })

  it('says tls to a port that does not speak it, and timeout to one that says nothing', async () => {
    const plain = await rawServer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const refused = await post(newSender(), `https://127.0.0.1:${plain.port}/`)
    assert.deepEqual(
      { ...refused, durationMs: 0 },
      { kind: 'tls', message: 'TLS: wrong version number', durationMs: 0 },
    )
    const silent = await rawServer(() => undefined)
    assert.equal((await post(newSender(), `https://127.0.0.1:${silent.port}/`, { timeoutMs: 200 })).kind, 'timeout')
  })

  it('says tls to bytes behind the handshake that are no TLS', async () => {
    const server = await httpsServer()
    const record = Buffer.from([0x17, 3, 3, 0, 32, ...Buffer.alloc(32)])
    const proxy = await rawServer((client) => {
      const upstream = connect(server.port, '127.0.0.1')
      client.pipe(upstream)
      upstream.once('data', (flight) => client.write(Buffer.concat([flight, record])))
      upstream.on('error', () => undefined)
    })
    const sender = newSender({ lookup: async () => addresses('127.0.0.1'), ca: CERTIFICATE })
    assert.equal((await post(sender, `https://receiver.test:${proxy.port}/`)).kind, 'tls')
  })

  function newSender(options: Partial<Parameters<typeof createSender>[0]> = {}): Sender {
    const sender = createSender({ allowCidrs: ['127.0.0.0/8'], ...options })
    closers.push(() => sender.close())
    return sender
  }

  async function rawServer(onSocket: (socket: Socket) => unknown) {
    const server = await startRawServer(onSocket)
    closers.push(() => server.close())
    return server
  }

  async function httpsServer(cert = CERTIFICATE) {
    const names: string[] = []
    const server = createServer({ cert, key: PRIVATE_KEY }, (request, response) => {
      names.push(String('servername' in request.socket && request.socket.servername))
      response.end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => server.close().closeAllConnections())
    return { port: (server.address() as AddressInfo).port, names }
  }
})

function post(sender: Sender, url: string, fields: Partial<Parameters<Sender['send']>[0]> = {}): Promise<Outcome> {
  return sender.send({ webhookId: 'one', url, headers: {}, body: '{}', timeoutMs: 2_000, ...fields })
}

function addresses(...texts: string[]): LookupAddress[] {
  return texts.map((address) => ({ address, family: 4 }))
}

import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { clientAddress } from '../../../src/client-address.ts'
import { type Listener, listen } from '../../../src/listener.ts'

const TRUSTED_PROXIES = 1

describe('the address of a client', () => {
  let listener: Listener
  before(async () => {
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      const forwarded = String(request.headers['x-forwarded-for'] ?? '')
      const peer = request.socket.remoteAddress ?? ''
      response.end(`${peer} ${clientAddress(peer, forwarded, TRUSTED_PROXIES)}`)
    }
    listener = await listen({ handle, host: '::', port: 0, exclusive: true, onError: assert.ifError })
  })
  after(() => listener.close())

  const ask = async (host: string, forwarded?: string) => {
    const headers = forwarded === undefined ? {} : { 'X-Forwarded-For': forwarded }
    const response = await fetch(`http://${host}:${listener.port}/`, { headers })
    return response.text()
  }

  it('is that of the peer, an IPv4 one also where the server listens on IPv6', async () => {
    assert.equal(await ask('127.0.0.1'), '127.0.0.1 127.0.0.1')
  })

  it('is written as node:http writes it when it is IPv6', async () => {
    assert.equal(await ask('[::1]'), '::1 ::1')
  })

  it('is what the one trusted proxy has seen', async () => {
    assert.equal(await ask('127.0.0.1', '10.0.0.1, 198.51.100.7'), '127.0.0.1 198.51.100.7')
  })
})

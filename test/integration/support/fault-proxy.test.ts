import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { eventually } from '../../support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'

describe('the fault proxy', () => {
  let server: Server
  let proxy: FaultProxy
  /** What the server got, over all connections. */
  let arrived: string
  const sockets = new Set<Socket>()

  beforeEach(async () => {
    arrived = ''
    server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        arrived += chunk
        socket.write(`re: ${chunk}.`)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    proxy = await startFaultProxy((server.address() as AddressInfo).port)
  })
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
    await proxy.close()
    server.close()
    await once(server, 'close')
  })

  it('passes what both sides send', async () => {
    const client = open()
    client.socket.write('hello')
    await eventually(() => client.got() === 're: hello.')
  })

  it('delays each direction', async () => {
    const client = open()
    proxy.delay(200)
    const before = performance.now()
    client.socket.write('hello')
    await eventually(() => client.got() === 're: hello.')
    assert.ok(performance.now() - before >= 390)
  })

  it('goes silent without a word, and stays so for the connections of that time', async () => {
    const old = open()
    old.socket.write('one')
    await eventually(() => old.got() === 're: one.')
    proxy.goSilent()
    const late = open()
    old.socket.write('two')
    late.socket.write('three')
    await eventually(() => proxy.swallowed() === 'twothree'.length)
    await proxy.mend()
    old.socket.write('four')
    const fresh = open()
    fresh.socket.write('five')
    await eventually(() => fresh.got() === 're: five.')
    await setTimeout(50)
    assert.deepEqual([arrived, old.ended(), late.ended()], ['onefive', undefined, undefined])
  })

  it('cuts and refuses until it is mended', async () => {
    const client = open()
    await once(client.socket, 'connect')
    await proxy.cut()
    await eventually(() => client.ended() !== undefined)
    const refused = open()
    await eventually(() => refused.ended() === 'ECONNREFUSED')
    await proxy.mend()
    const fresh = open()
    fresh.socket.write('again')
    await eventually(() => fresh.got() === 're: again.')
  })

  it('resets what is open, and takes what comes after', async () => {
    const client = open()
    client.socket.write('hello')
    await eventually(() => client.got() !== '')
    proxy.reset()
    await eventually(() => client.ended() === 'ECONNRESET')
    const fresh = open()
    fresh.socket.write('again')
    await eventually(() => fresh.got() === 're: again.')
  })

  it('cuts the reply to what was asked for, after the server has done it, so many times', async () => {
    proxy.cutReply({ request: 'COMMIT', end: Buffer.from('.'), times: 2 })
    const other = open()
    other.socket.write('BEGIN')
    await eventually(() => other.got() === 're: BEGIN.')
    for (const left of [1, 0]) {
      const client = open()
      client.socket.write('the COMMIT')
      await eventually(() => client.ended() === 'ECONNRESET')
      assert.deepEqual([client.got(), proxy.cutsLeft()], ['', left])
    }
    const last = open()
    last.socket.write('a COMMIT')
    await eventually(() => last.got() === 're: a COMMIT.')
    assert.equal(arrived, 'BEGINthe COMMITthe COMMITa COMMIT')
  })

  it('passes half of a request of the given size', async () => {
    proxy.cutRequest({ bytes: 6, times: 1 })
    const client = open()
    client.socket.write('short')
    await eventually(() => client.got() === 're: short.')
    client.socket.write('0123456789')
    await eventually(() => client.ended() === 'ECONNRESET')
    await eventually(() => arrived === 'short01234')
  })

  function open() {
    const socket = connect(proxy.port, '127.0.0.1')
    let got = ''
    let ended: string | undefined
    sockets.add(socket)
    socket.on('data', (chunk) => {
      got += chunk
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      ended = error.code ?? 'error'
    })
    socket.on('close', () => {
      ended ??= 'closed'
    })
    return { socket, got: () => got, ended: () => ended }
  }
})

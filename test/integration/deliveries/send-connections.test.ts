import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout } from 'node:timers/promises'
import { createSender, type Outcome, type Sender } from '../../../src/deliveries/send.ts'
import { withEnvironment } from '../../support/environment.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/ports.ts'
import { startRawReceiver, startRawServer } from '../../support/work-raw-receiver.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const BLOCKED = [
  '127.0.0.1',
  '10.1.2.3',
  '169.254.169.254',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '0.0.0.0',
  '2130706433',
  '0x7f.1',
]

describe('the connections of the sender', () => {
  const closers: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })

  it('says connection_refused where nobody listens', async () => {
    const outcome = await post(newSender(), `http://127.0.0.1:${await freePort()}/`)
    assert.equal(outcome.kind, 'connection_refused')
  })

  it('says dns to a name that does not exist', async () => {
    assert.equal((await post(newSender(), 'http://receiver.invalid/')).kind, 'dns')
    assert.equal((await post(newSender({ lookup: async () => [] }), 'http://receiver.invalid/')).kind, 'dns')
  })

  it('says timeout to a name server that does not answer, and dials nothing later', async () => {
    const server = await rawServer((socket) => socket.end(OK))
    let found: (addresses: LookupAddress[]) => void = () => undefined
    const sender = newSender({ lookup: () => new Promise((resolve) => (found = resolve)) })
    assert.equal((await post(sender, `http://receiver.test:${server.port}/`, { timeoutMs: 100 })).kind, 'timeout')
    await sender.close()
    found([{ address: '127.0.0.1', family: 4 }])
    await setTimeout(100)
    assert.equal(server.accepted(), 0)
  })

  for (const host of BLOCKED) {
    it(`says blocked_address to the literal ${host} and dials nothing`, async () => {
      const server = await rawServer(() => undefined)
      const outcome = await post(newSender({ allowCidrs: [] }), `http://${host}:${server.port}/`)
      assert.equal(outcome.kind, 'blocked_address')
      assert.equal(server.accepted(), 0)
    })
  }

  it('says blocked_address to a name with one private address among public ones, and not which', async () => {
    const lookup = async () => addresses('8.8.8.8', '127.0.0.1')
    const outcome = await post(newSender({ allowCidrs: [], lookup }), 'http://receiver.test/')
    assert.ok(outcome.kind === 'blocked_address', outcome.kind)
    assert.equal(outcome.message, 'Not sent: receiver.test has an address that webhooks may not be sent to.')
  })

  it('says blocked_address to localhost, which the system looks up', async () => {
    assert.equal((await post(newSender({ allowCidrs: [] }), 'http://localhost:1/')).kind, 'blocked_address')
  })

  it('dials the address that it has vetted, and asks for the name once a connection', async () => {
    const receiver = await rawReceiver((socket) => socket.write(OK))
    const answers = [addresses('127.0.0.1'), addresses('10.0.0.1')]
    const sender = newSender({ lookup: async () => answers.shift() ?? [] })
    assert.equal((await post(sender, `http://receiver.test:${receiver.port}/`)).kind, 'response')
    await nextTurn()
    assert.equal((await post(sender, `http://receiver.test:${receiver.port}/`)).kind, 'response')
    assert.equal(answers.length, 1)
    assert.match(receiver.requests[0] ?? '', new RegExp(`\r\nhost: receiver.test:${receiver.port}\r\n`, 'i'))
  })

  it('vets a name again for each connection, so one that changes its answer is refused then', async () => {
    const close = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
    const receiver = await rawReceiver((socket) => socket.end(close))
    const answers = [addresses('127.0.0.1'), addresses('127.0.0.2'), addresses('127.0.0.1', '10.0.0.1')]
    const sender = newSender({ allowCidrs: ['127.0.0.1/32'], lookup: async () => answers.shift() ?? [] })
    const ask = async () => (await post(sender, `http://receiver.test:${receiver.port}/`)).kind
    assert.equal(await ask(), 'response')
    assert.equal(await ask(), 'blocked_address')
    assert.equal(await ask(), 'blocked_address')
    assert.deepEqual([answers.length, receiver.accepted()], [0, 1])
  })

  it('dials no more than a few of a name’s dead addresses', async () => {
    const many = Array.from({ length: 50 }, (_, index) => `127.0.1.${index}`)
    const receiver = await rawReceiver((socket) => socket.write(OK))
    const sender = newSender({ lookup: async () => addresses(...many, '127.0.0.1') })
    assert.equal((await post(sender, `http://receiver.test:${receiver.port}/`)).kind, 'connection_refused')
    assert.equal(receiver.accepted(), 0)
  })

  it('goes on to the next address of a name when one is dead', async () => {
    const receiver = await rawReceiver((socket) => socket.write(OK))
    const sender = newSender({ lookup: async () => addresses('127.0.0.2', '127.0.0.1') })
    assert.equal((await post(sender, `http://receiver.test:${receiver.port}/`)).kind, 'response')
  })

  it('uses one connection for requests that follow each other, and shares none between webhooks', async () => {
    const receiver = await rawReceiver((socket) => socket.write(OK))
    const sender = newSender()
    for (let count = 0; count < 20; count += 1) {
      assert.equal((await post(sender, receiver.url)).kind, 'response')
      await nextTurn()
    }
    assert.equal(receiver.accepted(), 1)
    await post(sender, receiver.url, { webhookId: 'another' })
    assert.equal(receiver.accepted(), 2)
  })

  it('opens a new connection after one that the receiver wants closed or that carried surplus bytes', async () => {
    const receiver = await rawReceiver((socket, _, count) => {
      if (count === 1) socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      else if (count === 2) socket.write(`${OK}HTTP/1.1 500 Surplus\r\nContent-Length: 0\r\n\r\n`)
      else socket.write(OK)
    })
    const sender = newSender()
    for (let count = 0; count < 3; count += 1) {
      const outcome = await post(sender, receiver.url)
      assert.ok(outcome.kind === 'response' && outcome.status === 200, JSON.stringify(outcome))
    }
    assert.equal(receiver.accepted(), 3)
  })

  it('asks no proxy, whatever the environment names', async () => {
    const proxy = await rawServer((socket) => socket.end(OK))
    const receiver = await rawReceiver((socket) => socket.write(OK))
    const url = `http://127.0.0.1:${proxy.port}`
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy']
    const settings = Object.fromEntries(names.map((name) => [name, url]))
    await withEnvironment({ ...settings, NODE_USE_ENV_PROXY: '1', NO_PROXY: '' }, async () => {
      assert.equal((await post(newSender(), receiver.url)).kind, 'response')
    })
    assert.deepEqual([proxy.accepted(), receiver.accepted()], [0, 1])
  })

  it('says timeout while it still dials, and sends nothing once it is connected', async () => {
    const receiver = await rawReceiver((socket) => socket.write(OK))
    const lookup = () => setTimeout(300, addresses('127.0.0.1'))
    const outcome = await post(newSender({ lookup }), `http://receiver.test:${receiver.port}/`, { timeoutMs: 100 })
    assert.equal(outcome.kind, 'timeout')
    assert.ok(outcome.durationMs < 250, `${outcome.durationMs}`)
    await eventually(() => receiver.accepted() === 1)
    await setTimeout(100)
    assert.equal(receiver.requests.length, 0)
  })

  it('says aborted when it is asked to stop, before and while the receiver is asked', async () => {
    const receiver = await rawReceiver(() => undefined)
    const sender = newSender()
    assert.equal((await post(sender, receiver.url, { signal: AbortSignal.abort() })).kind, 'aborted')
    assert.equal(receiver.accepted(), 0)
    const abort = new AbortController()
    const outcome = post(sender, receiver.url, { signal: abort.signal })
    await eventually(() => receiver.requests.length === 1)
    abort.abort()
    assert.equal((await outcome).kind, 'aborted')
  })

  it('leaves nothing open when it is closed: neither idle, nor asking, nor dialling', async () => {
    const receiver = await rawReceiver((socket, _, count) => count === 1 && socket.write(OK))
    const silent = await rawServer(() => undefined)
    const sender = newSender()
    await post(sender, receiver.url, { webhookId: 'idle' })
    const asking = post(sender, receiver.url, { webhookId: 'asking' })
    const dialling = post(sender, `https://127.0.0.1:${silent.port}/`)
    await eventually(() => receiver.requests.length === 2 && silent.sockets.size === 1)
    await sender.close()
    assert.deepEqual([(await asking).kind, (await dialling).kind], ['aborted', 'aborted'])
    await eventually(() => receiver.open() + silent.sockets.size === 0, { timeoutMs: 1_000 })
    assert.equal((await post(sender, receiver.url)).kind, 'aborted')
  })

  function newSender(options: Partial<Parameters<typeof createSender>[0]> = {}): Sender {
    const sender = createSender({ allowCidrs: ['127.0.0.0/8'], ...options })
    closers.push(() => sender.close())
    return sender
  }

  async function rawReceiver(answer: Parameters<typeof startRawReceiver>[0]) {
    const receiver = await startRawReceiver(answer)
    closers.push(() => receiver.close())
    return receiver
  }

  async function rawServer(onSocket: (socket: Socket) => unknown) {
    const server = await startRawServer(onSocket)
    closers.push(() => server.close())
    return server
  }
})

function post(sender: Sender, url: string, fields: Partial<Parameters<Sender['send']>[0]> = {}): Promise<Outcome> {
  return sender.send({ webhookId: 'one', url, headers: {}, body: '{}', timeoutMs: 2_000, ...fields })
}

function addresses(...texts: string[]): LookupAddress[] {
  return texts.map((address) => ({ address, family: 4 }))
}

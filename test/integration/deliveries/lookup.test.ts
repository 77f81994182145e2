import assert from 'node:assert/strict'
import { createLookup } from '../../../src/deliveries/lookup.ts'
import { createSender } from '../../../src/deliveries/send.ts'
import { type NameAnswer, type NameServer, startNameServer } from '../../support/name-server.ts'
import { startRawReceiver } from '../../support/work-raw-receiver.ts'

const V6 = '2001:4860:4860:0000:0000:0000:0000:8888'
const NAMES: Record<string, { A: NameAnswer; AAAA: NameAnswer }> = {
  'both.example.org': { A: ['192.0.2.1', '192.0.2.2'], AAAA: [V6] },
  'four.example.org': { A: ['192.0.2.4'], AAAA: [] },
  'six.example.org': { A: [], AAAA: [V6] },
  'half.example.org': { A: ['192.0.2.5'], AAAA: 'failure' },
  'none.example.org': { A: [], AAAA: [] },
  'broken.example.org': { A: 'failure', AAAA: 'failure' },
  'receiver.example.org': { A: ['127.0.0.1'], AAAA: [] },
}

describe('the look-up of a name', () => {
  let server: NameServer
  before(async () => {
    server = await startNameServer((name, type) => {
      if (name.endsWith('.silent.example.org')) return 'silence'
      return NAMES[name]?.[type] ?? 'unknown'
    })
  })
  after(() => server.close())

  const find = async (name: string) => (await createLookup([server.address])(name)).map(({ address }) => address)

  it('gives all addresses of both kinds, IPv4 first', async () => {
    assert.deepEqual(await find('both.example.org'), ['192.0.2.1', '192.0.2.2', '2001:4860:4860::8888'])
    assert.deepEqual(await find('four.example.org'), ['192.0.2.4'])
    assert.deepEqual(await find('six.example.org'), ['2001:4860:4860::8888'])
    assert.deepEqual(await find('half.example.org'), ['192.0.2.5'])
  })

  it('knows a name in any case and with a dot at its end', async () => {
    assert.deepEqual(await find('FOUR.Example.org.'), ['192.0.2.4'])
  })

  it('takes localhost for loopback without asking anybody', async () => {
    const before = server.asked.length
    assert.deepEqual(await find('localhost'), ['127.0.0.1', '::1'])
    assert.equal(server.asked.length, before)
  })

  it('tells a name without addresses from one that nobody could look up', async () => {
    for (const name of ['none.example.org', 'missing.example.org'])
      await assert.rejects(find(name), { code: 'ENOTFOUND', message: `${name} has no address` })
    await assert.rejects(find('broken.example.org'), { code: 'EAI_AGAIN', message: /ESERVFAIL/ })
    await assert.rejects(find('a.silent.example.org'), { code: 'EAI_AGAIN', message: /ETIMEOUT/ })
  })

  it('is not held up by names whose servers keep silent, however many', async () => {
    const receiver = await startRawReceiver((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
    const sender = createSender({ allowCidrs: ['127.0.0.0/8'], lookup: createLookup([server.address]) })
    const post = (name: string) => {
      const url = `http://${name}:${receiver.port}/`
      return sender.send({ webhookId: name, url, headers: {}, body: '{}', timeoutMs: 10_000 })
    }
    try {
      const over: string[] = []
      const silent = Array.from({ length: 40 }, (_, index) => post(`${index}.silent.example.org`))
      for (const outcome of silent) void outcome.then(({ kind }) => over.push(kind))
      assert.equal((await post('receiver.example.org')).kind, 'response')
      assert.deepEqual(over, [])
      for (const outcome of silent) assert.equal((await outcome).kind, 'dns')
    } finally {
      await sender.close()
      await receiver.close()
    }
  })
})

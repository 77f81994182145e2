import assert from 'node:assert/strict'
import { createAddressGuard } from '../../../src/deliveries/address-guard.ts'
import { createPools, type Pools } from '../../../src/deliveries/pools.ts'
import { eventually } from '../../support/eventually.ts'
import { type RawReceiver, startRawReceiver } from '../../support/work-raw-receiver.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

describe('the pools of connections', () => {
  let receiver: RawReceiver
  let pools: Pools
  let silent: boolean

  beforeEach(async () => {
    silent = false
    receiver = await startRawReceiver((socket) => silent || socket.write(OK))
    pools = createPools(createAddressGuard(['127.0.0.0/8']), {}, 3)
  })
  afterEach(async () => {
    await pools.close()
    await receiver.close()
  })

  async function post(webhookId: string): Promise<number> {
    const { origin } = new URL(receiver.url)
    const { statusCode, body } = await pools.get(webhookId, origin).request({ method: 'POST', path: '/' })
    await body.dump()
    return statusCode
  }

  it('are one for each webhook and origin', () => {
    const pool = pools.get('one', 'http://127.0.0.1:1')
    assert.equal(pools.get('one', 'http://127.0.0.1:1'), pool)
    assert.notEqual(pools.get('two', 'http://127.0.0.1:1'), pool)
    assert.notEqual(pools.get('one', 'http://127.0.0.1:2'), pool)
  })

  it('stay few: the longest unused one is closed with its connection for a new one', async () => {
    for (const webhook of ['a', 'b', 'c', 'a', 'd']) assert.equal(await post(webhook), 200)
    assert.equal(pools.size(), 3)
    await eventually(() => receiver.open() === 3)
    assert.equal(receiver.accepted(), 4)
    assert.equal(await post('a'), 200)
    assert.equal(receiver.accepted(), 4)
    assert.equal(await post('b'), 200)
    assert.equal(receiver.accepted(), 5)
  })

  it('are not closed under a request', async () => {
    silent = true
    const waiting = ['a', 'b', 'c', 'd', 'e'].map((webhook) => post(webhook).catch((error: Error) => error.name))
    await eventually(() => receiver.requests.length === 5)
    assert.equal(pools.size(), 5)
    await pools.close()
    assert.deepEqual(await Promise.all(waiting), Array(5).fill('ClientDestroyedError'))
  })
})

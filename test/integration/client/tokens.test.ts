import assert from 'node:assert/strict'
import type { StreamMessage } from '../../../client/src/server-frames.ts'
import { openClientBench } from '../../support/client-bench.ts'
import { numbersOf, startClient } from '../../support/client-stage.ts'
import { eventually } from '../../support/eventually.ts'

describe('the tokens of a client', () => {
  const bench = openClientBench()
  const { publish, prediction } = bench
  let url: string
  let symbol: string
  beforeEach(() => {
    url = bench.url()
    symbol = bench.symbol()
  })

  it('stops when its only token is refused', async () => {
    bench.tokens.rejected.add('alice')
    const { client, until, states } = startClient({ url, token: 'alice' })
    assert.equal((await until('closed')).code, 4401)
    assert.equal(states.filter(({ state }) => state === 'connecting').length, 1)
    assert.equal(client.state, 'closed')
  })

  it('asks for another one when the one it got is refused, and stops when that is refused too', async () => {
    bench.tokens.rejected.add('alice-1')
    let asked = 0
    const { client, until } = startClient({ url, token: () => `alice-${++asked}` })
    await until('open')
    assert.equal(asked, 2)
    client.close()
    asked = 0
    bench.tokens.rejected.add('alice-2')
    const other = startClient({ url, token: async () => `alice-${++asked}` })
    assert.equal((await other.until('closed')).code, 4401)
    assert.equal(asked, 2)
  })

  it('stops when the callback has nothing but the refused one', async () => {
    bench.tokens.rejected.add('alice')
    let asked = 0
    const { until } = startClient({
      url,
      token: () => {
        asked += 1
        return 'alice'
      },
    })
    assert.equal((await until('closed')).code, 4401)
    assert.equal(asked, 2)
  })

  it('tries again when the callback fails', async () => {
    let asked = 0
    const { told, until } = startClient({
      url,
      token: async () => {
        asked += 1
        if (asked === 1) throw new Error('the login is away')
        return 'alice'
      },
    })
    await until('open')
    assert.deepEqual(told, [{ name: 'error', code: 'token_callback', message: 'Error: the login is away' }])
  })

  it('renews in place before the end, and misses nothing', async () => {
    bench.tokens.expireInMs = 30_000
    let asked = 0
    const { client, states, told } = startClient({ url, token: () => `alice-${++asked}` })
    const frames: string[] = []
    client.on('frame', ({ type }) => {
      frames.push(type)
      if (type === 'token_expiring') bench.tokens.expireInMs = 3_600_000
    })
    const got: StreamMessage[] = []
    const subscription = client.subscribe({ channel: 'predictions', symbol }, (one) => got.push(one))
    await eventually(() => subscription.position !== null)
    await publish([prediction()])
    await eventually(() => assert.ok(frames.includes('authenticated')))
    await publish([prediction()])
    await eventually(() => assert.deepEqual(numbersOf(got), [1, 2]))
    assert.deepEqual([asked, told, states.length], [2, [], 2])
  })

  it('tries a renewal again while the server cannot check it', async () => {
    let asked = 0
    const { client, told, until } = startClient({ url, token: () => `alice-${++asked}` })
    const frames: string[] = []
    client.on('frame', ({ type }) => frames.push(type))
    await until('open')
    bench.tokens.cannotBeChecked = true
    await client.renewToken()
    await eventually(() => assert.equal((told[0] as { code: string } | undefined)?.code, 'unavailable'))
    bench.tokens.cannotBeChecked = false
    await eventually(() => assert.ok(frames.includes('authenticated')))
    assert.equal(asked, 3)
  })
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { numbersSent, openEvents } from '../../support/event-client.ts'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import { message, principal, startStreams, type TestStreams, tokensAreNames } from '../../support/stream-server.ts'

describe('Server-Sent Events that end', () => {
  let system: TestStreams
  afterEach(() => system.stop())

  it('say when the token ends, and that it has ended', async () => {
    const stream = async () => principal('alice', { expiresAt: new Date(Date.now() + 2_500) })
    system = await startStreams({ authenticator: { ...tokensAreNames, stream } })
    const client = await openEvents(`${system.url}/api/v1/streams/alerts?token=any`)
    await client.next('token_expiring')
    const { frame } = await client.next('closed')
    assert.equal(frame['code'], 4401)
    await client.ended
  })

  it('say when to come back, when the process is replaced', async () => {
    system = await startStreams()
    const client = await openEvents(`${system.url}/api/v1/streams/market-data/AAPL`)
    await client.next('connected')
    await system.streams.drain(50)
    const { frame } = await client.next('closed')
    assert.equal(frame['code'], 4501)
    const retry = Number(frame['retry_after_ms'])
    assert.ok(retry >= 1000 && retry <= 2000)
    assert.ok(client.others.includes(`retry: ${retry}`))
    await client.ended
    assert.equal((await openEvents(`${system.url}/api/v1/streams/market-data/AAPL`)).status, 503)
  })

  it('end a client that reads too slowly, which resumes without a hole; the others are not touched', async () => {
    system = await startStreams({ rules: { slowSeconds: 2, degradeSeconds: 300 } })
    const path = `${system.url}/api/v1/streams/market-data/BIG`
    const slow = await openEvents(path)
    const quick = await openEvents(path)
    await slow.next('connected')
    slow.pause()
    const data = JSON.stringify({ text: 'x'.repeat(60_000) })
    for (let n = 0; n < 200; n += 10) {
      await system.backplane.publish(range(1, 10).map(() => message({ symbol: 'BIG', data })))
      await setTimeout(20)
    }
    await eventually(() => assert.equal(numbersSent(quick).length, 200), { timeoutMs: 30_000 })
    await eventually(async () => assert.equal((await closes(system))['4513'], 1), { timeoutMs: 20_000 })
    slow.goOn()
    await slow.ended
    assert.equal(slow.frames.at(-1)?.['code'], 4513)
    const got = numbersSent(slow)
    assert.deepEqual(got, range(1, got.length))
    const back = await openEvents(`${path}?snapshot=false`, { 'last-event-id': slow.lastId() })
    await eventually(() => assert.deepEqual([...got, ...numbersSent(back)], range(1, 200)))
  })

  it('hang up on a client that takes nothing for 10 s, which resumes without a hole', async () => {
    system = await startStreams({ rules: { slowSeconds: 300, degradeSeconds: 300 } })
    const path = `${system.url}/api/v1/streams/market-data/BIG`
    const stalled = await openEvents(path)
    const reader = await openEvents(path)
    await stalled.next('connected')
    stalled.pause()
    const data = JSON.stringify({ text: 'x'.repeat(60_000) })
    for (let n = 0; n < 120; n += 10) {
      await system.backplane.publish(range(1, 10).map(() => message({ symbol: 'BIG', data })))
      await setTimeout(20)
    }
    const began = performance.now()
    await eventually(async () => assert.deepEqual(await closes(system), { 1006: 1 }), { timeoutMs: 30_000 })
    assert.ok(performance.now() - began > 5_000)
    assert.equal(system.streams.sockets(), 1)
    stalled.goOn()
    await stalled.ended
    assert.ok(!stalled.frames.some(({ type }) => type === 'closed'))
    const got = numbersSent(stalled)
    assert.ok(got.length < 120)
    const back = await openEvents(`${path}?snapshot=false`, { 'last-event-id': stalled.lastId() })
    await eventually(() => assert.deepEqual([...got, ...numbersSent(back)], range(1, 120)))
    assert.deepEqual(numbersSent(reader), range(1, 120))
  })

  it('are gone at once when the connection breaks', async () => {
    system = await startStreams()
    const socket = connect(system.port, '127.0.0.1')
    socket.write('GET /api/v1/streams/market-data/AAPL HTTP/1.1\r\nHost: test\r\n\r\n')
    await once(socket, 'data')
    assert.equal(system.streams.sockets(), 1)
    socket.resetAndDestroy()
    await eventually(() => assert.equal(system.streams.sockets(), 0))
  })
})

async function closes(system: TestStreams): Promise<Record<string, number>> {
  return system.byLabel('ara_sockets_closed_total', 'code')
}

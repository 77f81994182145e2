import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { numbersSent, openEvents } from '../../support/event-client.ts'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import { message, prices, startStreams, type TestStreams } from '../../support/stream-server.ts'

describe('Server-Sent Events that are resumed', () => {
  let system: TestStreams
  let symbols = 0
  let symbol: string
  let url: string

  before(async () => {
    system = await startStreams({ rules: { anonymous: ['market-data', 'predictions'] } })
  })
  after(async () => {
    await system.stop()
    assert.deepEqual(system.errors, [])
  })
  beforeEach(() => {
    symbols += 1
    symbol = `S${symbols}`
    url = `${system.url}/api/v1/streams/market-data/${symbol}`
  })

  const publish = (count: number) => system.backplane.publish(prices(symbol, count))

  it('go on after Last-Event-ID through 20 reconnections while messages keep coming, without a hole or a repeat', async () => {
    let publishing = true
    let sent = 0
    const publisher = (async () => {
      while (publishing) {
        await publish(5)
        sent += 5
        await setTimeout(1)
      }
    })()
    const got: unknown[] = []
    let lastId = ''
    let clientOf = await openEvents(`${url}?snapshot=false`)
    const { frame } = await clientOf.next('connected')
    for (let round = 0; round < 20; round += 1) {
      await setTimeout(10 + round)
      clientOf.close()
      got.push(...numbersSent(clientOf))
      lastId = clientOf.lastId() || lastId
      clientOf = await openEvents(`${url}?snapshot=false`, { 'last-event-id': lastId })
    }
    publishing = false
    await publisher
    const first = (frame.seq ?? 0) + 1
    await eventually(() => assert.equal(got.length + numbersSent(clientOf).length, sent - first + 1))
    got.push(...numbersSent(clientOf))
    assert.deepEqual(got, range(first, sent))
    assert.deepEqual(
      clientOf.frames.filter(({ type }) => type === 'gap'),
      [],
    )
    clientOf.close()
  })

  it('take the last id in the URL too, where a header cannot be set', async () => {
    const client = await openEvents(url)
    const { frame } = await client.next('connected')
    await publish(3)
    const back = await openEvents(`${url}?last_event_id=${frame['epoch']}:1`)
    await eventually(() => assert.deepEqual(numbersSent(back), [2, 3]))
    const since = await openEvents(`${url}?since=2&epoch=${frame['epoch']}`, { 'last-event-id': `${frame['epoch']}:0` })
    await eventually(() => assert.deepEqual(numbersSent(since), [1, 2, 3]))
    for (const one of [client, back, since]) one.close()
  })

  it('say gap, with the id after it, for what the history no longer has and for another epoch', async () => {
    await publish(1_010)
    const known = await openEvents(url)
    const epoch = (await known.next('connected')).frame['epoch']
    const late = await openEvents(`${url}?snapshot=false`, { 'last-event-id': `${epoch}:3` })
    const gap = await late.next('gap')
    assert.deepEqual([gap.frame['from'], gap.frame['to'], gap.id], [4, 10, `${epoch}:10`])
    await eventually(() => assert.deepEqual(numbersSent(late), range(11, 1_010)))
    const anew = await openEvents(`${url}?snapshot=false`, { 'last-event-id': 'older:7' })
    const begun = await anew.next('gap')
    assert.deepEqual([begun.frame['from'], begun.frame['to'], begun.frame['epoch']], [8, null, epoch])
    for (const one of [known, late, anew]) one.close()
  })

  it("resume the user's own stream as well as the shared one", async () => {
    const path = `${system.url}/api/v1/streams/predictions/${symbol}?token=alice`
    const shared = message({ channel: 'predictions', symbol })
    const own = { ...shared, userId: 'alice' }
    const client = await openEvents(path)
    await client.next('connected')
    await system.backplane.publish([shared, own, { ...shared, userId: 'eve' }, shared])
    await eventually(() => assert.equal(client.frames.length, 4))
    client.close()
    const id = client.lastId()
    assert.match(id, /^\w+:2,\w+:1$/)
    await system.backplane.publish([own, shared, own])
    const back = await openEvents(path, { 'last-event-id': id })
    await eventually(() => assert.equal(back.frames.length, 4))
    assert.deepEqual(
      back.frames
        .slice(1)
        .map(({ seq, scope }) => `${scope ?? 'shared'} ${seq}`)
        .sort(),
      ['shared 3', 'user 2', 'user 3'],
    )
    assert.match(back.lastId(), /^\w+:3,\w+:3$/)
    back.close()
  })
})

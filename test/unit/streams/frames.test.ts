import assert from 'node:assert/strict'
import { conflatedFrame, gapFrame, positionAfter, snapshotOf, unnumberedFrame } from '../../../src/streams/frames.ts'
import type { OutgoingMessage } from '../../../src/streams/publisher.ts'

const message = (fields: Partial<OutgoingMessage>): OutgoingMessage => ({
  channel: 'market-data',
  symbol: '^GSPC',
  data: '{"price":1.5}',
  timestamp: '2026-11-23T12:00:00.000Z',
  ...fields,
})

/** The stream, and the frame as a client reads it once it has the number 7. */
function numbered(fields: Partial<OutgoingMessage>) {
  const { stream, head, tail } = unnumberedFrame(message(fields))
  return { stream, frame: JSON.parse(`${head}7${tail}`) }
}

const rest = { timestamp: '2026-11-23T12:00:00.000Z', data: { price: 1.5 }, seq: 7 }

describe('a frame', () => {
  it('has the type of its channel, and a symbol where the channel has symbols', () => {
    assert.deepEqual(numbered({}), {
      stream: 'market-data/^GSPC',
      frame: { type: 'market_data_update', symbol: '^GSPC', ...rest },
    })
    assert.deepEqual(numbered({ channel: 'predictions', symbol: 'AAPL' }), {
      stream: 'predictions/AAPL',
      frame: { type: 'prediction_update', symbol: 'AAPL', ...rest },
    })
    assert.deepEqual(numbered({ channel: 'alerts', symbol: null }), {
      stream: 'alerts',
      frame: { type: 'alert', ...rest },
    })
  })

  it('names the event it was, and says when it is late', () => {
    assert.deepEqual(numbered({ eventId: 'evt_1', late: true }).frame, {
      ...{ type: 'market_data_update', symbol: '^GSPC', event_id: 'evt_1', late: true },
      ...rest,
    })
    assert.ok(!('late' in numbered({ late: false }).frame))
  })

  it('goes to a stream of its own when it is for one user, whatever the name of the user', () => {
    const { stream, frame } = numbered({ channel: 'alerts', symbol: null, userId: 'a@b/{c} ü' })
    assert.equal(stream, 'alerts@a%40b%2F%7Bc%7D%20%C3%BC')
    assert.equal(frame.scope, 'user')
    assert.ok(!JSON.stringify(frame).includes('@b'))
  })

  it('keeps the text of its data as it is', () => {
    const data = '{"a": 1152921504606846976, "b": 1e-07, "seq": 99}'
    const { head, tail } = unnumberedFrame(message({ data }))
    assert.ok(`${head}1${tail}`.includes(data))
  })

  it('is a snapshot when it says so', () => {
    const { head, tail } = unnumberedFrame(message({ eventId: 'evt_1' }))
    const frame = `${head}7${tail}`
    assert.deepEqual(JSON.parse(snapshotOf(frame)), { ...JSON.parse(frame), snapshot: true })
  })

  it('says where its stream stands after it', () => {
    const written = (fields: Partial<OutgoingMessage>) => {
      const { head, tail } = unnumberedFrame(message(fields))
      return `${head}7${tail}`
    }
    const shared = { isOwn: false, seq: 7 }
    assert.deepEqual(positionAfter(written({})), shared)
    assert.deepEqual(positionAfter(written({ data: '{"seq":1,"scope":"user","snapshot":true}' })), shared)
    assert.deepEqual(positionAfter(conflatedFrame(written({ eventId: 'evt_1', late: true }))), shared)
    assert.deepEqual(positionAfter(written({ channel: 'alerts', symbol: null, userId: 'bob', eventId: 'evt_1' })), {
      ...{ isOwn: true, seq: 7 },
    })
    const gap = { kind: 'gap', from: 3, to: null, epoch: 'e2', seq: 0 } as const
    assert.deepEqual(positionAfter(gapFrame({ ...gap, stream: 'alerts@bob' })), { isOwn: true, seq: 0, epoch: 'e2' })
    assert.equal(positionAfter(snapshotOf(written({}))), null)
    assert.equal(positionAfter('{"type":"degraded","conflate_ms":1000,"timestamp":"2026-11-23T12:00:00.000Z"}'), null)
  })
})

import assert from 'node:assert/strict'
import { parseClientFrame } from '../../../src/sockets/client-frames.ts'

/** What is asked for, or the code of the refusal. */
function read(frame: unknown, defaultChannel?: string) {
  const parsed = parseClientFrame(typeof frame === 'string' ? frame : JSON.stringify(frame), defaultChannel)
  return 'code' in parsed ? parsed.code : parsed
}

function targets(frame: object, defaultChannel?: string) {
  const parsed = read({ type: 'subscribe', ...frame }, defaultChannel)
  assert.ok(typeof parsed === 'object' && 'asked' in parsed, String(parsed))
  return parsed.asked.map(({ target }) => target && [target.channel, target.symbol])
}

describe('the frame of a client', () => {
  it('may be ping or pong, with whatever else is in it', () => {
    assert.deepEqual(read({ type: 'ping', timestamp: 'x' }), { type: 'ping' })
    assert.deepEqual(read({ type: 'pong', nested: { a: 1 } }), { type: 'pong' })
  })

  it('has its id in the answer that it is bad, too', () => {
    const refusal = (frame: object) => parseClientFrame(JSON.stringify(frame), undefined)
    const several = { type: 'subscribe', id: 'a', subscriptions: [{ channel: 'alerts', conflate_ms: 100 }] }
    const bad = [several, { type: 'auth', id: 'a' }, { id: 'a' }, { ...several, subscriptions: [] }]
    const unknown = { type: 'subscribe', channel: 'deliveries', webhook_id: 'x', id: 'a' }
    for (const frame of [...bad, unknown]) assert.equal((refusal(frame) as { id?: string }).id, 'a')
    for (const id of [{}, 'x'.repeat(129), null]) assert.ok(!('id' in refusal({ ...several, id })))
  })

  it('subscribes to one stream, on the channel of the path when it names none', () => {
    assert.deepEqual(targets({ channel: 'market-data', symbol: 'btc-usd' }), [['market-data', 'BTC-USD']])
    assert.deepEqual(targets({ symbol: 'AAPL' }, 'predictions'), [['predictions', 'AAPL']])
    assert.deepEqual(targets({ channel: 'alerts' }, 'predictions'), [['alerts', null]])
    assert.deepEqual(targets({ channel: 'alerts', symbol: null }), [['alerts', null]])
  })

  it('names several, each with its own channel, and an id that the answer repeats', () => {
    const subscriptions = [{ symbol: 'A' }, { channel: 'alerts' }, { channel: 'predictions', symbol: '^gspc', x: 1 }]
    const frame = read({ type: 'unsubscribe', subscriptions, id: 7 }, 'market-data')
    assert.ok(typeof frame === 'object' && 'asked' in frame)
    assert.deepEqual([frame.type, frame.several, frame.id], ['unsubscribe', true, 7])
    assert.deepEqual(
      frame.asked.map(({ target }) => target),
      [
        { channel: 'market-data', symbol: 'A' },
        { channel: 'alerts', symbol: null },
        { channel: 'predictions', symbol: '^GSPC' },
      ],
    )
  })

  it('leads nowhere without a channel or symbol that there is', () => {
    const none = [{}, { symbol: 'A' }, { channel: 'trades', symbol: 'A' }, { channel: 'predictions' }]
    const wrong = [{ channel: 'alerts', symbol: 'A' }, { channel: 'predictions', symbol: 'A B' }, { channel: '' }]
    for (const entry of [...none, ...wrong]) assert.deepEqual(targets(entry), [null], JSON.stringify(entry))
  })

  it('is refused when it is no JSON, or no frame that is known', () => {
    for (const text of ['', '{', 'ping', '{"type":"ping"', '\u0000']) assert.equal(read(text), 'malformed_json', text)
    const bad = [null, 1, '"ping"', [], {}, { type: 1 }, { type: 'publish' }, { type: '__proto__' }]
    const subscribe = { type: 'subscribe' }
    const badFields = [
      { ...subscribe, channel: 1 },
      { ...subscribe, symbol: {} },
      { ...subscribe, snapshot: 'true' },
      { ...subscribe, subscriptions: [] },
      { ...subscribe, subscriptions: ['AAPL'] },
      { ...subscribe, subscriptions: Array.from({ length: 1001 }, () => ({ symbol: 'A' })) },
      { ...subscribe, symbol: 'A', id: {} },
      { ...subscribe, symbol: 'A', id: 'x'.repeat(129) },
    ]
    for (const frame of [...bad, ...badFields]) assert.equal(read(frame), 'bad_frame', JSON.stringify(frame))
  })

  it('is told what is wrong with it', () => {
    const message = (frame: unknown) => {
      const parsed = parseClientFrame(JSON.stringify(frame), undefined)
      return 'message' in parsed ? parsed.message : ''
    }
    assert.match(message({ type: 'subscribe', subscriptions: [{ symbol: 1 }] }), /^subscriptions\.0\.symbol: /)
    assert.match(message([]), /object/)
    assert.match(message({ type: 'nonsense' }), /type/)
  })

  it('survives 64 KiB of nesting', () => {
    assert.equal(read('['.repeat(65_536)), 'malformed_json')
    assert.equal(read('['.repeat(32_768) + ']'.repeat(32_768)), 'bad_frame')
  })
})

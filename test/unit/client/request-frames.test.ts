import assert from 'node:assert/strict'
import { requestFrames, type StreamEntry } from '../../../client/src/request-frames.ts'

const MOST_BYTES = 64 * 1024

function entries(count: number, fields: Partial<StreamEntry> = {}): StreamEntry[] {
  return Array.from({ length: count }, (_, index) => ({ channel: 'predictions', symbol: `S${index}`, ...fields }))
}

describe('the frames of requests', () => {
  it('are as few as the limits of the server allow', () => {
    assert.deepEqual(requestFrames('subscribe', 7, []), [])
    assert.deepEqual(requestFrames('unsubscribe', 7, entries(1)), [
      { frame: { type: 'unsubscribe', id: 7, subscriptions: entries(1) }, entries: 1 },
    ])
    const counts = requestFrames('subscribe', 7, entries(2_001)).map((one) => one.entries)
    assert.deepEqual(counts, [1_000, 1_000, 1])
  })

  it('stay under 64 KiB with the longest entries, and in order', () => {
    const longest = {
      symbol: 'é'.repeat(64),
      snapshot: false,
      since: Number.MAX_SAFE_INTEGER,
      epoch: 'e'.repeat(64),
      user_since: Number.MAX_SAFE_INTEGER,
      user_epoch: 'u'.repeat(64),
    }
    const all = entries(1_000, longest)
    const frames = requestFrames('subscribe', Number.MAX_SAFE_INTEGER, all).map(({ frame }) => frame)
    const bytes = frames.map((frame) => Buffer.byteLength(JSON.stringify(frame)))
    assert.ok(Math.max(...bytes) <= MOST_BYTES)
    assert.ok(frames.length <= Math.ceil(Buffer.byteLength(JSON.stringify(all)) / (MOST_BYTES - 8 * 1024)))
    assert.deepEqual(
      frames.flatMap((frame) => (frame as { subscriptions?: StreamEntry[] }).subscriptions),
      all,
    )
  })
})

import assert from 'node:assert/strict'
import { parseId, publicId, uuidTime, uuidv7 } from '../../src/ids.ts'

describe('ids', () => {
  it('carry their millisecond and sort by it', () => {
    const first = uuidv7(1_700_000_000_000)
    const second = uuidv7(1_700_000_000_001)
    assert.equal(uuidTime(first), 1_700_000_000_000)
    assert.ok(first < second)
    assert.match(first, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('do not repeat within a millisecond', () => {
    assert.equal(new Set(Array.from({ length: 10_000 }, () => uuidv7(1))).size, 10_000)
  })

  it('are read back from their public form and from no other', () => {
    const uuid = uuidv7()
    assert.equal(parseId('wh', publicId('wh', uuid)), uuid)
    for (const text of [uuid, publicId('evt', uuid), `wh_${uuid}x`, `wh_${uuid.toUpperCase()}`, 'wh_', 'wh_123', '']) {
      assert.equal(parseId('wh', text), null, text)
    }
    assert.equal(parseId('wh', 'wh_0189d3a0-0000-4000-8000-000000000000'), null, 'version 4')
  })
})

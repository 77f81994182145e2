import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { createSecretBox } from '../../../src/db/secret-box.ts'

const old = { id: 'k1', key: randomBytes(32) }
const current = { id: 'k2-2026', key: randomBytes(32) }
const box = createSecretBox([current, old])

describe('the secret box', () => {
  it('opens what it sealed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, context) => {
        assert.equal(box.open(box.seal(text, context), context), text)
      }),
    )
  })

  it('seals one text differently each time and shows nothing of it', () => {
    const [first, second] = [box.seal('a-secret-of-mine', 'wh_1'), box.seal('a-secret-of-mine', 'wh_1')]
    assert.notDeepEqual(first, second)
    assert.ok(!first.includes('a-secret'))
  })

  it('does not open in another context', () => {
    const sealed = box.seal('secret', 'wh_1')
    for (const context of ['wh_2', '', 'wh_1 ']) assert.throws(() => box.open(sealed, context))
  })

  it('does not open once any bit was changed or any byte is missing', () => {
    const sealed = box.seal('secret', 'wh_1')
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const tampered = Buffer.from(sealed)
      tampered.writeUInt8(tampered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      assert.throws(() => box.open(tampered, 'wh_1'), `bit ${bit}`)
    }
    for (let length = 0; length < sealed.length; length += 1) {
      assert.throws(() => box.open(sealed.subarray(0, length), 'wh_1'), `length ${length}`)
    }
    assert.throws(() => box.open(Buffer.concat([sealed, Buffer.from([0])]), 'wh_1'))
  })

  it('opens what an old key sealed, says so, and seals with the first', () => {
    const sealed = createSecretBox([old]).seal('secret', 'wh_1')
    assert.equal(box.open(sealed, 'wh_1'), 'secret')
    assert.equal(box.isCurrent(sealed), false)
    assert.equal(box.isCurrent(box.seal('secret', 'wh_1')), true)
    assert.equal(createSecretBox([current]).open(box.seal('secret', 'wh_1'), 'wh_1'), 'secret')
  })

  it('names the key that is missing', () => {
    const sealed = box.seal('secret', 'wh_1')
    assert.throws(() => createSecretBox([old]).open(sealed, 'wh_1'), /"k2-2026", which is not in SECRETS_KEY/)
  })

  it('does not open with another key of the same name', () => {
    const impostor = createSecretBox([{ id: current.id, key: randomBytes(32) }])
    assert.throws(() => impostor.open(box.seal('secret', 'wh_1'), 'wh_1'))
  })

  it('refuses bytes that are no sealed secret', () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.alloc(64),
      Buffer.from('whsec_plain-text-of-an-older-time-in-the-column'),
    ]) {
      assert.throws(() => box.open(bytes, 'wh_1'), /not a sealed secret/)
      assert.throws(() => box.isCurrent(bytes), /not a sealed secret/)
    }
  })

  it('cannot be made without a key', () => {
    assert.throws(() => createSecretBox([]), /needs a key/)
  })
})

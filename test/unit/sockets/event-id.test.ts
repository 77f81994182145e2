import assert from 'node:assert/strict'
import { formatEventId, parseEventId } from '../../../src/sockets/event-id.ts'

describe('the id of a Server-Sent Event', () => {
  it('says where one stream stands, or two', () => {
    const shared = { epoch: '5f0c', seq: 41 }
    const own = { epoch: '9a1b', seq: 7 }
    assert.equal(formatEventId({ shared }), '5f0c:41')
    assert.equal(formatEventId({ shared, own }), '5f0c:41,9a1b:7')
    assert.deepEqual(parseEventId('5f0c:41'), { shared, own: undefined })
    assert.deepEqual(parseEventId('5f0c:41,9a1b:7'), { shared, own })
  })

  it('is nothing else', () => {
    for (const text of ['', '41', '5f0c:', ':41', '5f0c:x', '5f0c:-1', '5f0c:41,', 'a:1,b:2,c:3', 'a b:1', 'a:1 ']) {
      assert.equal(parseEventId(text), null, text)
    }
  })
})

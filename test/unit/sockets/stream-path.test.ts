import assert from 'node:assert/strict'
import { CLOSE } from '../../../src/sockets/close-codes.ts'
import { readStreamUrl } from '../../../src/sockets/stream-path.ts'

/** The target a path leads to, or the code it is refused with. */
function read(path: string, query = '') {
  const asked = readStreamUrl(path, query)
  return 'code' in asked ? asked.code : asked.target
}

describe('the URL of a stream', () => {
  it('names a channel, and a symbol where the channel has symbols', () => {
    assert.deepEqual(read('/ws/predictions/AAPL'), { channel: 'predictions', symbol: 'AAPL' })
    assert.deepEqual(read('/ws/market-data/BTC-USD'), { channel: 'market-data', symbol: 'BTC-USD' })
    assert.deepEqual(read('/ws/alerts'), { channel: 'alerts', symbol: null })
    assert.deepEqual(read('/ws/alerts/'), { channel: 'alerts', symbol: null })
    assert.equal(read('/ws'), null)
    assert.equal(read('/ws/'), null)
  })

  it('has its symbol percent-decoded and upper-cased', () => {
    const symbols = { '%5EGSPC': '^GSPC', '^gspc': '^GSPC', aapl: 'AAPL', 'EURUSD%3dX': 'EURUSD=X', 'brk%2eb': 'BRK.B' }
    for (const [given, symbol] of Object.entries(symbols)) {
      assert.deepEqual(read(`/ws/market-data/${given}`), { channel: 'market-data', symbol }, given)
    }
  })

  it('is bad without a symbol or with one that cannot be', () => {
    const bad = ['', '/', '/A%2FB', '/%', '/%zz', '/AAPL%00', `/${'A'.repeat(21)}`, '/%C3%84', '/A B', '/AAPL@x']
    for (const rest of bad) assert.equal(read(`/ws/predictions${rest}`), CLOSE.badRequest, rest)
  })

  it('leads nowhere when there is no such channel, or more than the channel has', () => {
    const nowhere = ['/ws/trades', '/ws/trades/AAPL', '/ws/alerts/AAPL', '/ws/predictions/AAPL/x', '/ws//AAPL']
    for (const path of [...nowhere, '/ws/constructor/AAPL', '/ws/Predictions/AAPL']) {
      assert.equal(read(path), CLOSE.noSuchStream, path)
    }
  })

  it('may say whether a snapshot is wanted, with true or false', () => {
    const snapshot = (query: string) => {
      const asked = readStreamUrl('/ws/alerts', query)
      return 'code' in asked ? asked.code : asked.wish.snapshot
    }
    assert.deepEqual(['', 'snapshot=true', 'snapshot=false&token=x'].map(snapshot), [undefined, true, false])
    for (const query of ['snapshot=', 'snapshot=1', 'snapshot=TRUE']) assert.equal(snapshot(query), CLOSE.badRequest)
  })

  it('has no parameter that is not known, and says which, in as many bytes as a close frame holds', () => {
    const reason = (query: string) => {
      const asked = readStreamUrl('/ws/market-data/AAPL', query)
      return 'code' in asked ? `${asked.code} ${asked.reason}` : asked
    }
    assert.equal(reason('sinse=5&epoch=x'), '4400 sinse is not a known parameter')
    assert.equal(reason('since=5&epoch=x&ticket=t'), '4400 ticket is not a known parameter')
    assert.equal(reason(`${'%F0%9F%98%80'.repeat(100)}=1`), '4400 a parameter is not known')
  })

  it('carries the token, an empty one too', () => {
    const token = (query: string) => {
      const asked = readStreamUrl('/ws', query)
      return 'code' in asked ? asked.code : asked.token
    }
    assert.deepEqual(['', 'token=', 'token=a.b%2Bc', 'snapshot=true&token=t'].map(token), [undefined, '', 'a.b+c', 't'])
  })
})

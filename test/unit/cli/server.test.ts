import assert from 'node:assert/strict'
import { GivenOptions } from '../../../src/cli/command.ts'
import { UsageError } from '../../../src/cli/failures.ts'
import { isTemporary, pauseAfter, RefusedByServer, Server, Unreachable } from '../../../src/cli/server.ts'

describe('the server that a command speaks to', () => {
  const open = (values: Record<string, string>) =>
    new Server({ options: new GivenOptions(values), signal: new AbortController().signal })

  it('is named by its URL, of which the path stays', () => {
    assert.equal(open({ url: 'https://ara.example/' }).url, 'https://ara.example')
    assert.equal(open({ url: 'http://ara.example:81/behind/' }).url, 'http://ara.example:81/behind')
    assert.equal(open({ url: 'https://ara.example' }).streams, 'wss://ara.example/ws')
    for (const url of ['ara.example', 'ftp://ara.example', 'localhost:8000', '/']) {
      assert.throws(() => open({ url }), UsageError, url)
    }
  })

  it('must have a token where one is needed', () => {
    assert.throws(() => open({ url: 'http://ara.example' }).withToken(), UsageError)
    assert.equal(open({ url: 'http://ara.example', token: 't' }).withToken().token, 't')
  })

  it('may take later what it could not take now, but not what it refused', () => {
    const refused = (status: number) => new RefusedByServer(status, {}, null)
    const temporary = [refused(429), refused(500), refused(503), new Unreachable('http://x', new Error('away'))]
    const final = [refused(400), refused(401), refused(404), refused(409), refused(422), new Error('a bug')]
    assert.deepEqual(
      [temporary.map(isTemporary), final.map(isTemporary)],
      [temporary.map(() => true), final.map(() => false)],
    )
  })

  it('is asked again after growing pauses, never before it wants it', () => {
    const away = new Unreachable('http://x', new Error('away'))
    assert.deepEqual(
      [1, 2, 3, 20].map((tries) => pauseAfter(away, tries, 1)),
      [500, 1_000, 2_000, 60_000],
    )
    assert.equal(pauseAfter(away, 1, 0), 250)
    assert.equal(pauseAfter(new RefusedByServer(429, {}, '7'), 1, 0), 7_000)
    assert.equal(pauseAfter(new RefusedByServer(429, {}, '86400'), 1, 0), 60_000)
    assert.equal(pauseAfter(new RefusedByServer(503, {}, 'Wed, 21 Oct 2026 07:28:00 GMT'), 1, 0), 250)
  })

  it('words its refusals, whatever it answers', () => {
    const answer = { error: 'invalid', message: 'No.', details: [{ path: 'url', reason: 'is none' }], request_id: 'r1' }
    assert.equal(new RefusedByServer(422, answer, null).message, '422 invalid: No.\n  url: is none (request r1)')
    assert.equal(new RefusedByServer(502, '<html>', null).message, 'The server answered 502.')
  })
})

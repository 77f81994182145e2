import assert from 'node:assert/strict'
import { createOriginCheck } from '../../../src/sockets/origins.ts'

describe('the list of origins', () => {
  const allows = createOriginCheck([
    'https://app.example',
    'https://*.pages.example',
    'http://*.dev.example:8080',
    'null',
  ])

  it('lets in those it names, in any case, and who names none', () => {
    for (const origin of ['', 'https://app.example', 'HTTPS://App.Example', 'null']) assert.ok(allows(origin), origin)
  })

  it('lets in every host below a wildcard, of the same scheme and port', () => {
    for (const origin of ['https://a.pages.example', 'https://a.b-1.pages.example', 'http://x.dev.example:8080']) {
      assert.ok(allows(origin), origin)
    }
  })

  it('lets in nothing else', () => {
    for (const origin of [
      ...['http://app.example', 'https://app.example:8443', 'https://app.example.evil', 'https://www.app.example'],
      ...['https://pages.example', 'https://.pages.example', 'http://a.pages.example', 'https://a.pages.example:444'],
      ...['https://evil.example/.pages.example', 'https://evil.example#.pages.example', 'https://evilpages.example'],
      ...['https://user@a.pages.example', 'http://x.dev.example', 'https://evil.example:1/.pages.example', 'file://'],
    ]) {
      assert.ok(!allows(origin), origin)
    }
  })

  it('lets in everybody when it is empty', () => {
    assert.ok(createOriginCheck([])('https://anything.example'))
  })
})

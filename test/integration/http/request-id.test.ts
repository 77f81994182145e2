import assert from 'node:assert/strict'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

describe('the id of a request', () => {
  let system: WebSystem
  before(async () => {
    system = await startWebSystem()
  })
  after(() => system.stop())

  const idOf = async (given?: string) => {
    const headers: Record<string, string> = given === undefined ? {} : { 'x-request-id': given }
    return (await system.call('GET', '/health/live', { headers })).headers.get('x-request-id')
  }

  it('is the one that came, if it is sane', async () => {
    for (const id of ['a', 'Trace_1.2-3', 'x'.repeat(128)]) assert.equal(await idOf(id), id)
  })

  it('is made where none came or the one that came is not sane', async () => {
    const ids = [
      await idOf(),
      await idOf('a b'),
      await idOf('x'.repeat(129)),
      await idOf('"quoted"'),
      await idOf('a,b'),
    ]
    for (const id of ids) assert.match(id ?? '', /^[0-9a-f-]{36}$/)
    assert.equal(new Set(ids).size, ids.length)
  })
})

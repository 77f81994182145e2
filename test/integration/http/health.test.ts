import assert from 'node:assert/strict'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

describe('the health of a process', () => {
  let system: WebSystem
  before(async () => {
    system = await startWebSystem()
  })
  after(() => system.stop())

  it('is live as soon as it answers', async () => {
    const { status, body } = await system.call('GET', '/health/live')
    assert.deepEqual([status, body], [200, { status: 'live' }])
  })

  it('is ready when every part is there', async () => {
    const { status, body } = await system.call('GET', '/health/ready')
    assert.deepEqual(
      [status, body],
      [200, { status: 'ready', parts: { database: 'ok', partitions: 'ok', backplane: 'ok' } }],
    )
  })
})

import assert from 'node:assert/strict'
import { openClient, type StreamClient } from '../../support/stream-client.ts'
import { startStreams, type TestStreams } from '../../support/stream-server.ts'
import { authenticator } from '../../support/stream-tokens.ts'

describe('the subprotocol bearer', () => {
  let system: TestStreams
  before(async () => {
    system = await startStreams({ authenticator, rules: { anonymous: ['alerts'] } })
  })
  after(() => system.stop())

  const open = (protocols: string[], path = '/ws/predictions/AAPL'): StreamClient =>
    openClient(system.url + path, { protocols })

  it('brings the token and is answered alone', async () => {
    const client = open(['bearer', 'alice'])
    assert.ok('user' in (await client.next('connected')))
    assert.equal(client.socket.protocol, 'bearer')
    await client.close()
  })

  it('brings no good token, or none at all, and is answered all the same, so that browsers see the code', async () => {
    for (const [protocols, code] of [
      [['bearer', 'bad'], 4401],
      [['bearer', 'mallory'], 4403],
      [['bearer'], 4400],
      [['alice', 'bearer'], 4400],
      [['bearer', 'alice', 'bob'], 4400],
    ] as const) {
      const client = open([...protocols])
      assert.equal((await client.ended).code, code, String(protocols))
    }
    const twice = open(['bearer', 'alice'], '/ws/alerts?token=alice')
    assert.equal((await twice.ended).code, 4400)
  })
})

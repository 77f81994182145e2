import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedSystem } from '../support/embedded-system.ts'
import { assertNowhere, SENT, startShowingReceiver } from '../support/shown-secrets.ts'
import type { RawReceiver } from '../support/work-raw-receiver.ts'

describe('the secrets of the embedded mode', function () {
  this.timeout(240_000)
  let receiver: RawReceiver

  before(async () => {
    receiver = await startShowingReceiver()
  })
  after(() => receiver.close())

  it('stay in their file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ara-secrets-'))
    try {
      const embedded = await startEmbeddedSystem({ DATA_DIR: directory, LOG_LEVEL: 'trace', DEMO_FEED: 'false' })
      const token = await embedded.token('alice', 'producer')
      const webhook = {
        url: receiver.url,
        events: ['*'],
        secret: SENT.webhookSecret,
        headers: { 'X-Partner': SENT.header },
      }
      await embedded.call('POST', '/api/v1/webhooks', token, webhook)
      await embedded.call('POST', '/api/v1/events', token, { event_type: 'system_error', data: { message: 'm' } })
      await embedded.program.waitFor(/"status":"success".*delivery\.attempted/)
      await embedded.program.stop()
      const own = JSON.parse(await readFile(join(directory, 'secrets.json'), 'utf8'))
      const secrets = {
        jwt: own.jwtSecret,
        key: own.secretsKeys[0].key,
        password: own.databasePassword,
        token,
        ...SENT,
      }
      assertNowhere(secrets, [['the output', embedded.program.output()], ...(await filesIn(directory))])
      await embedded.stop()
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
})

async function filesIn(directory: string): Promise<[string, string][]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name !== 'secrets.json')
  const read = files.map(async ({ parentPath, name }): Promise<[string, string]> => {
    return [name, await readFile(join(parentPath, name), 'latin1')]
  })
  return Promise.all(read)
}

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { runProgram } from '../support/program.ts'

describe('the client', function () {
  this.timeout(120_000)

  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ara-client-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('is installed into a new project as its README says, and imported by its name', async () => {
    const [, path = ''] = /^npm install (\S+)$/m.exec(await readFile('client/README.md', 'utf8')) ?? []
    assert.equal(path, '/path/to/ara-events/client')
    await writeFile(join(folder, 'package.json'), '{"private": true, "type": "module"}')
    await runProgram('npm', ['install', '--offline', '--no-audit', '--no-fund', resolve('client')], { cwd: folder })
    const program = "import('ara-events-client').then((client) => console.log(Object.keys(client).join()))"
    const printed = await runProgram('node', ['--eval', program], { cwd: folder })
    for (const name of ['connectStreams', 'verifyWebhook', 'WebhookRefused']) assert.ok(printed.includes(name), printed)
  })
})

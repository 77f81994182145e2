import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '../support/program.ts'

describe('the fan-out bench', () => {
  it('brings every message of a short run to a thousand sockets with tokens, once', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ara-fanout-'))
    try {
      const file = join(directory, 'results')
      const options = ['--peers', 'ours', '--only', '20/s', '--rounds', '1', '--seconds', '1', '--results', file]
      const report = await runProgram(process.execPath, ['--import', 'tsx', 'bench/fanout.ts', ...options])
      const [row, ...others] = (await readFile(file, 'utf8')).trimEnd().split('\n')
      assert.deepEqual(others, [])
      const { failed, figures } = JSON.parse(row ?? '')
      assert.equal(failed, undefined)
      assert.equal(figures.share, 1)
      assert.equal(figures.repeated, 0)
      assert.match(report, /ara-events, embedded \| 100 % \|/)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })

  it('names what can be chosen', async () => {
    const run = (...options: string[]) =>
      runProgram(process.execPath, ['--import', 'tsx', 'bench/fanout.ts', ...options])
    assert.match(await run('--help'), /--only .*20\/s/)
    await assert.rejects(run('--only', 'everything'), /everything is none of idle, 20\/s/)
  })
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { leftRunning } from '../../support/left-running.ts'

describe('what tests left running', () => {
  it('is found by its mark, also when whoever started it is gone', async () => {
    if (process.platform !== 'linux') return
    const script = `console.log(require('node:child_process').spawn('sleep', ['60'], { stdio: 'ignore', detached: true }).pid)
      process.exit()`
    const parent = spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'ignore'] })
    const [[chunk]] = await Promise.all([once(parent.stdout, 'data'), once(parent, 'exit')])
    assertFoundAndEnd(Number(chunk))
  })

  it('is found by the folder it works in, when nothing is left of its environment', async () => {
    if (process.platform !== 'linux') return
    const folder = await mkdtemp(join(tmpdir(), 'ara-left-running-'))
    const child = spawn('/bin/sleep', ['60'], { cwd: folder, env: {}, stdio: 'ignore' })
    await once(child, 'spawn')
    assertFoundAndEnd(child.pid ?? 0)
  })
})

function assertFoundAndEnd(pid: number): void {
  try {
    const found = leftRunning().find((left) => left.pid === pid)
    assert.equal(found?.command.replace('/bin/', ''), 'sleep 60')
  } finally {
    process.kill(pid, 'SIGKILL')
  }
}

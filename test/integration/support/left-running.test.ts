import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { leftRunning } from '../../support/left-running.ts'

describe('what tests left running', () => {
  it('is found by its mark, also when whoever started it is gone', async () => {
    if (process.platform !== 'linux') return
    const script = `console.log(require('node:child_process').spawn('sleep', ['60'], { stdio: 'ignore', detached: true }).pid)
      process.exit()`
    const parent = spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'ignore'] })
    const [[chunk]] = await Promise.all([once(parent.stdout, 'data'), once(parent, 'exit')])
    const pid = Number(chunk)
    try {
      const found = leftRunning().find((left) => left.pid === pid)
      assert.deepEqual(found, { pid, command: 'sleep 60' })
    } finally {
      process.kill(pid, 'SIGKILL')
    }
  })
})

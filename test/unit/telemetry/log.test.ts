import assert from 'node:assert/strict'
import { runProgram } from '../../support/program.ts'

const LOG = new URL('../../../src/telemetry/log.ts', import.meta.url).pathname

/** What a program with a log of its own wrote. */
async function written(script: string): Promise<string> {
  const all = `import { openLog, rateLimitedErrors } from '${LOG}'
    const log = openLog({ level: 'info', name: 'web' })
    ${script}`
  const failing = runProgram(process.execPath, [
    '--import',
    'tsx',
    '--input-type=module',
    '--eval',
    `${all}\nprocess.exit(1)`,
  ])
  return failing.then(String, (error: Error) => error.message.slice(error.message.indexOf('{')))
}

describe('a line of the log', () => {
  it('has each key once, also when it tells of an error', async () => {
    const line = await written("rateLimitedErrors(log, 'feeder.error')(new TypeError('no'))")
    const keys = [...line.matchAll(/"(\w+)":/g)].map(([, key]) => key)
    assert.deepEqual(keys, [...new Set(keys)], line)
    const { name, error_name, message, msg } = JSON.parse(line)
    assert.deepEqual([name, error_name, message, msg], ['web', 'TypeError', 'no', 'feeder.error'])
  })
})

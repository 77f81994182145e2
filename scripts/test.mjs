import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/*
 * `npm test`: all tests, those of whole systems beside the others, since both mostly wait. What the first lane prints is shown as
 * it comes, what the second prints when it is over. Arguments go to mocha (`npm test -- --grep recovery`). Ends with the sum, `N passed, N failed, N skipped`, and with 1 if any failed.
 */

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const LANES = ['test/{unit,integration}/**/*.test.ts', 'test/e2e/**/*.test.ts']
const READS_WITHIN_MS = 5_000
const COUNTS = /^(\d+) passed, (\d+) failed, (\d+) skipped$/

// Both would install what CI lacks, at the same time.
const programs = spawnSync(process.execPath, ['--import', 'tsx', 'test/support/find-programs.ts'], {
  cwd: root,
  stdio: 'inherit',
})
if (programs.status !== 0) process.exit(1)

const lanes = LANES.map(startLane)
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const { child } of lanes) child.kill(signal)
  })
}
let failed = false
const sums = [0, 0, 0]
for (const lane of lanes) {
  lane.show()
  const code = await lane.ended
  failed ||= code !== 0 || lane.counts === undefined
  lane.counts?.forEach((count, index) => {
    sums[index] += count
  })
  if (lane.counts === undefined)
    process.stdout.write(`The tests of ${lane.files} ended with ${code} before their end\n`)
}
const [passed, failures, skipped] = sums
const code = failed || failures > 0 || passed === 0 ? 1 : 0
process.stdout.write(`${passed} passed, ${failures} failed, ${skipped} skipped\n`, () => process.exit(code))

function startLane(files) {
  const args = ['node_modules/mocha/bin/mocha.js', ...process.argv.slice(2), files]
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const held = []
  let shown = false
  const lane = {
    child,
    files,
    counts: undefined,
    ended: endOf(child),
    show() {
      shown = true
      for (const line of held) process.stdout.write(`${line}\n`)
    },
  }
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      const counts = COUNTS.exec(line)
      if (counts) lane.counts = counts.slice(1).map(Number)
      else if (shown) process.stdout.write(`${line}\n`)
      else held.push(line)
    })
  }
  return lane
}

/** Its exit code, when all is read that it printed: whatever it left running may keep that open for ever. */
async function endOf(child) {
  const closed = once(child, 'close')
  const [code] = await once(child, 'exit')
  await Promise.race([closed, setTimeout(READS_WITHIN_MS)])
  return code
}

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { parseCrashAt } from '../../src/crash-points.ts'

describe('parseCrashAt', () => {
  it('reads a point, which of its passes and what it must be about', () => {
    assert.deepEqual(parseCrashAt('after_commit'), { point: 'after_commit', pass: 1, text: undefined })
    assert.deepEqual(parseCrashAt('after_claim:25'), { point: 'after_claim', pass: 25, text: undefined })
    assert.deepEqual(parseCrashAt('after_send=m=1:2'), { point: 'after_send', pass: 1, text: 'm=1:2' })
    assert.deepEqual(parseCrashAt('after_send:3=x'), { point: 'after_send', pass: 3, text: 'x' })
  })

  it('knows no other point and no other form', () => {
    for (const text of ['', 'after_lunch', 'after_commit:', 'after_commit:0', 'after_commit=', 'AFTER_COMMIT']) {
      assert.equal(parseCrashAt(text), null, text)
    }
  })
})

describe('crashPoint', () => {
  it('ends the process at the pass that was asked for, and at no other point', () => {
    const ended = run(
      { point: 'after_send', pass: 3 },
      "for (const n of [1, 2, 3, 4]) pass('after_claim', n), pass('after_send', n)",
    )
    assert.deepEqual([ended.signal, ended.stdout.trim().split('\n').at(-1)], ['SIGKILL', 'after_send 3'])
  })

  it('counts only passes about the text, where one was given', () => {
    const ended = run(
      { point: 'after_claim', pass: 1, text: 'poison' },
      "pass('after_claim', 'food'), pass('after_claim', 'a poison')",
    )
    assert.deepEqual([ended.signal, ended.stdout.trim().split('\n').at(-1)], ['SIGKILL', 'after_claim a poison'])
  })

  it('does nothing when none was asked for', () => {
    assert.equal(run(undefined, "pass('after_claim', 1)").status, 0)
  })
})

/** Runs in a process of its own, which says each pass before it comes. */
function run(at: object | undefined, passes: string) {
  const module = JSON.stringify(new URL('../../src/crash-points.ts', import.meta.url).href)
  const code = `
    import { writeSync } from 'node:fs'
    import { armCrashPoint, crashPoint } from ${module}
    armCrashPoint(${JSON.stringify(at)})
    const pass = (point, subject) => { writeSync(1, point + ' ' + subject + '\\n'); crashPoint(point, String(subject)) }
    ${passes}`
  return spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { encoding: 'utf8' })
}

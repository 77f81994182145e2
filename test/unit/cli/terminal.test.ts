import assert from 'node:assert/strict'
import { CommandFailed, UsageError } from '../../../src/cli/failures.ts'
import { clean, fields, Terminal, table } from '../../../src/cli/terminal.ts'

const ESCAPE = '\u001b'

describe('what a command prints', () => {
  it('goes to standard output when it was asked for, else to standard error', () => {
    const { terminal, out, err } = capture()
    terminal.print('answer')
    terminal.note('note')
    terminal.progress('progress')
    terminal.failure(new CommandFailed('it failed'))
    assert.deepEqual([out(), err()], ['answer\n', 'note\nit failed\n'])
  })

  it('is JSON where that is asked for, failures too', () => {
    const { terminal, out, err } = capture({ json: true })
    terminal.answer({ a: 1 }, () => 'never')
    terminal.row({ b: 2 }, () => 'never')
    terminal.failure(new CommandFailed('no', { answer: { error: 'not_found' } }))
    terminal.failure(new CommandFailed('no'))
    terminal.failure(new UsageError('wrong'))
    assert.equal(out(), '{\n  "a": 1\n}\n{"b":2}\n')
    const told = err()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(told, [
      { error: 'not_found' },
      { error: 'failed', message: 'no' },
      { error: 'usage', message: 'wrong' },
    ])
  })

  it('has colours only on a terminal that wants them', () => {
    for (const [isTTY, hasColors, coloured] of [
      [true, true, true],
      [true, false, false],
      [false, true, false],
    ] as const) {
      const { terminal } = capture({ isTTY, hasColors })
      assert.equal(terminal.paint('red', 'x').includes(ESCAPE), coloured)
    }
  })

  it('shows progress on a terminal alone, and erases it before anything else', () => {
    const { terminal, err, out } = capture({ isTTY: true })
    terminal.progress('1 of 3')
    terminal.print('done')
    assert.deepEqual([err(), out()], [`1 of 3\r${ESCAPE}[2K`, 'done\n'])
  })

  it('lets nobody else steer the terminal', () => {
    assert.equal(clean(`a${ESCAPE}[2Jb\u0007\u009b\n`), 'a\ufffd[2Jb\ufffd\ufffd\ufffd')
    assert.equal(table(['one', 'two'], [[`${ESCAPE}c`, null]]), 'one  two\n\ufffdc   –')
    assert.equal(
      fields([
        ['name', 'x'],
        ['n', ['a', 'b']],
      ]),
      'name  x\nn     a, b',
    )
    const { terminal, err } = capture()
    terminal.failure(new CommandFailed(`first\n${ESCAPE}second`))
    assert.equal(err(), 'first\n\ufffdsecond\n')
  })
})

function capture({ json = false, isTTY = false, hasColors = false } = {}) {
  const streams = [0, 1].map(() => {
    const texts: string[] = []
    return { stream: { write: (text: string) => texts.push(text), isTTY, hasColors: () => hasColors }, texts }
  })
  const [out, err] = streams
  const terminal = new Terminal({ json, out: out!.stream, err: err!.stream })
  return { terminal, out: () => out!.texts.join(''), err: () => err!.texts.join('') }
}

import assert from 'node:assert/strict'
import { type Command, parseCall } from '../../../src/cli/command.ts'
import { allCommands } from '../../../src/cli/commands.ts'
import { UsageError } from '../../../src/cli/failures.ts'
import { commandHelp, groupHelp, overview } from '../../../src/cli/help.ts'

const COMMAND: Command = {
  name: 'try it',
  about: 'Try it.',
  args: '<one> [<two>]',
  options: {
    name: { kind: 'text', about: 'a text' },
    type: { kind: 'list', about: 'several' },
    now: { kind: 'flag', about: 'a flag' },
    limit: { kind: 'text', about: 'a number' },
    since: { kind: 'text', about: 'a time' },
  },
  run: async () => undefined,
}

describe('the words of a command', () => {
  const parse = (...words: string[]) => parseCall(COMMAND, words)

  it('are its arguments and options', () => {
    const { args, options } = parse('a', 'b', '--name', 'x=y', '--type', 'p,q', '--type=r', '--now', '--limit=5')
    assert.deepEqual(args, ['a', 'b'])
    assert.equal(options.text('name'), 'x=y')
    assert.deepEqual(options.list('type'), ['p', 'q', 'r'])
    assert.deepEqual(options.each('type'), ['p,q', 'r'])
    assert.deepEqual([options.flag('now'), options.flag('json')], [true, false])
    assert.equal(options.number('limit', 1, 100), 5)
    assert.deepEqual(
      [options.list('name'), options.text('since'), options.time('since')],
      [undefined, undefined, undefined],
    )
  })

  it('tell what is wrong with them', () => {
    const wrong: [words: string[], reason: RegExp][] = [
      [[], /<one> is missing/],
      [['a', 'b', 'c'], /"c" is one word too many/],
      [['a', '--colour', 'red'], /^Unknown option '--colour'$/],
      [['a', '--name'], /--name/],
      [['a', '--now=yes'], /--now/],
    ]
    for (const [words, reason] of wrong) {
      assert.throws(
        () => parse(...words),
        (error) => error instanceof UsageError && reason.test(error.message),
        String(words),
      )
    }
    const use = (option: string, read: (options: ReturnType<typeof parse>['options']) => unknown) =>
      assert.throws(() => read(parse('a', option).options), UsageError, option)
    use('--name=', (options) => options.text('name'))
    for (const bad of ['0', '101', '1.5', 'ten', '-1'])
      use(`--limit=${bad}`, (options) => options.number('limit', 1, 100))
    for (const bad of ['yesterday', '10', '10y', '-1h']) use(`--since=${bad}`, (options) => options.time('since'))
    use('--name=c', (options) => options.oneOf('name', ['a', 'b']))
  })

  it('name a time by itself or by how long ago it was', () => {
    const at = (text: string) => Date.parse(parse('a', '--since', text).options.time('since') ?? '')
    assert.equal(at('2026-11-23T12:00:00Z'), Date.UTC(2026, 10, 23, 12))
    for (const [text, ms] of [
      ['30s', 30_000],
      ['10m', 600_000],
      ['2h', 7_200_000],
      ['7d', 604_800_000],
    ] as const) {
      assert.ok(Math.abs(Date.now() - ms - at(text)) < 5_000, text)
    }
  })

  it('may be incomplete where help is asked for', () => {
    assert.equal(parse('-h').options.flag('help'), true)
  })
})

describe('the help', () => {
  let commands: Command[]
  before(async () => {
    commands = await allCommands()
  })

  it('lists every command, and of each every option', () => {
    const all = overview(commands, '1.2.3')
    for (const command of commands) {
      assert.ok(all.includes(`${command.name} `) && all.includes(command.about), command.name)
      const help = commandHelp(command)
      for (const name of [...Object.keys(command.options ?? {}), 'json', 'help'])
        assert.ok(help.includes(`--${name}`), name)
      assert.equal(help.includes('--token <token>'), command.callsServer === true, command.name)
    }
  })

  it('of a group lists its commands alone', () => {
    const help = groupHelp('try', [COMMAND])
    assert.match(help, /^Usage: ara-events try <command>[\s\S]*^ {2}try it {2}Try it\.$/m)
  })

  it('fits a terminal of 132 columns', () => {
    for (const command of commands) {
      for (const line of commandHelp(command).split('\n')) assert.ok(line.length <= 132, `${command.name}: ${line}`)
    }
  })
})

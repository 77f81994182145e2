#!/usr/bin/env node
import { allCommands, commandsOf } from './commands.ts'
import { groupHelp, overview } from './help.ts'
import { runCommand } from './run-command.ts'

const MISUSED = 2

/** `ara-events`: finds the command that the words begin with, and runs it with the others. */
async function main(words: readonly string[]): Promise<void> {
  const [first = '', second] = words
  const commands = await commandsOf(first)
  const found = commands.find(({ name }) => name === first || name === `${first} ${second}`)
  if (found) return runCommand(found, words.slice(found.name.split(' ').length))
  const { version } = await import('../config.ts')
  if (['--version', '-v'].includes(first)) return void process.stdout.write(`${version()}\n`)
  const isGroup = commands.length > 0
  const help = isGroup ? groupHelp(first, commands) : overview(await allCommands(), version())
  const asked = isGroup ? second : first
  if (asked === '--help' || asked === '-h' || asked === 'help') return void process.stdout.write(help)
  const complaint = asked === undefined || asked === '' ? '' : `There is no command "${words.join(' ')}".\n\n`
  process.stderr.write(`${complaint}${help}`)
  process.exitCode = MISUSED
}

await main(process.argv.slice(2))

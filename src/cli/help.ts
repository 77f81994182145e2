import { type Command, type Option, optionsOf } from './command.ts'

const PROGRAM = 'ara-events'

/** What `ara-events --help` prints. */
export function overview(commands: readonly Command[], version: string): string {
  return `${PROGRAM} ${version}: signed webhooks and WebSocket streams for a market-prediction platform.

Usage: ${PROGRAM} <command> [options]

${listed(commands)}

${PROGRAM} <command> --help tells more of each. The exit code is 0 when it worked, 1 when it did not and 2 when the command
was called wrongly. --json prints what programs can read; NO_COLOR=1 leaves colours out.
`
}

/** Of the words that begin several commands, such as `webhooks`. */
export function groupHelp(group: string, commands: readonly Command[]): string {
  return `Usage: ${PROGRAM} ${group} <command> [options]

${listed(commands)}

${PROGRAM} ${group} <command> --help tells more of each.
`
}

export function commandHelp(command: Command): string {
  const usage = [PROGRAM, command.name, command.args, '[options]'].filter(Boolean).join(' ')
  const details = command.details === undefined ? '' : `\n${command.details.trim()}\n`
  const options = Object.entries(optionsOf(command)).map(([name, option]) => [synopsis(name, option), option.about])
  return `${command.about}\n\nUsage: ${usage}\n\n${columns(options)}\n${details}`
}

function listed(commands: readonly Command[]): string {
  return columns(commands.map(({ name, about }) => [name, about]))
}

function synopsis(name: string, { short, value, kind }: Option): string {
  return `${short ? `-${short}, ` : ''}--${name}${kind === 'flag' ? '' : ` <${value ?? 'text'}>`}`
}

function columns(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([left = '']) => left.length))
  return rows.map(([left = '', right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}

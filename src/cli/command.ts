import { parseArgs } from 'node:util'
import { UsageError } from './failures.ts'
import type { Terminal } from './terminal.ts'

/** One command of `ara-events`: what its help says, and what it does. */
export interface Command {
  /** As it is typed: `webhooks list`. */
  name: string
  /** One sentence. */
  about: string
  /** What follows the name: `<webhook> [<delivery>]`; `…` at its end takes any number. */
  args?: string
  /** Below the options. */
  details?: string
  options?: Readonly<Record<string, Option>>
  /** Speaks to a server: has `--url` and `--token`. */
  callsServer?: boolean
  /** Ends by itself on Ctrl-C and SIGTERM. */
  handlesSignals?: boolean
  /** Goes on when nobody reads any more what it prints. */
  outlivesReader?: boolean
  run(call: Call): Promise<void>
}

export interface Option {
  kind: 'text' | 'list' | 'flag'
  /** What its value is called in the help. */
  value?: string
  short?: string
  about: string
}

/** One use of a command. */
export interface Call {
  args: readonly string[]
  options: GivenOptions
  out: Terminal
  /** Aborted by Ctrl-C and SIGTERM. */
  signal: AbortSignal
}

export const SERVER_OPTIONS: Readonly<Record<string, Option>> = {
  url: { kind: 'text', value: 'url', about: 'the server; else ARA_EVENTS_URL, else http://localhost:8000' },
  token: { kind: 'text', value: 'token', about: 'a token or an API key; else ARA_EVENTS_TOKEN' },
}
export const COMMON_OPTIONS: Readonly<Record<string, Option>> = {
  json: { kind: 'flag', about: 'print JSON and nothing else' },
  help: { kind: 'flag', short: 'h', about: 'print this' },
}

export function optionsOf(command: Command): Record<string, Option> {
  return { ...command.options, ...(command.callsServer ? SERVER_OPTIONS : {}), ...COMMON_OPTIONS }
}

/** @throws UsageError */
export function parseCall(command: Command, words: readonly string[]): { args: string[]; options: GivenOptions } {
  const options = optionsOf(command)
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: Object.fromEntries(
        Object.entries(options).map(([name, { kind, short }]) => [
          name,
          {
            type: kind === 'flag' ? ('boolean' as const) : ('string' as const),
            multiple: kind === 'list',
            ...(short === undefined ? {} : { short }),
          },
        ]),
      ),
    })
    const given = new GivenOptions(values as Record<string, Value>)
    if (!given.flag('help')) checkArgs(command, positionals)
    return { args: positionals, options: given }
  } catch (error) {
    // node tells how to give a word that begins with a dash, which is seldom what was meant.
    if (error instanceof TypeError) throw new UsageError(error.message.split('. To specify')[0] ?? '')
    throw error
  }
}

function checkArgs({ args = '' }: Command, given: readonly string[]): void {
  const words = args === '' ? [] : args.split(' ')
  const needed = words.filter((word) => word.startsWith('<'))
  const missing = needed[given.length]
  if (missing !== undefined) throw new UsageError(`${missing} is missing.`)
  if (given.length > words.length && !args.includes('…')) {
    throw new UsageError(`"${given[words.length]}" is one word too many.`)
  }
}

type Value = string | boolean | (string | boolean)[] | undefined

/** What was given after the name of a command. */
export class GivenOptions {
  readonly #values: Record<string, Value>

  constructor(values: Record<string, Value>) {
    this.#values = values
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  /** As it was given, empty or not. */
  raw(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  text(name: string): string | undefined {
    const value = this.raw(name)
    if (value === '') throw new UsageError(`--${name} is empty.`)
    return value
  }

  /** Of an option that may be repeated, each of which may hold several with commas. */
  list(name: string): string[] | undefined {
    const value = this.#values[name]
    if (!Array.isArray(value)) return undefined
    return value.flatMap((text) => String(text).split(',')).filter((text) => text !== '')
  }

  /** Of an option that may be repeated and whose values may hold commas. */
  each(name: string): string[] {
    const value = this.#values[name]
    return Array.isArray(value) ? value.map(String) : []
  }

  number(name: string, least: number, most: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new UsageError(`--${name} must be a whole number from ${least} to ${most}.`)
    }
    return value
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const chosen = choices.find((choice) => choice === text)
    if (chosen === undefined) throw new UsageError(`--${name} must be one of ${choices.join(', ')}.`)
    return chosen
  }

  /** A time as ISO 8601, or how long ago it was: 30s, 10m, 2h, 7d. */
  time(name: string): string | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
    const isDate = /^\d{4}-\d\d-\d\d/.test(text)
    const ms = count === undefined ? Date.parse(text) : Date.now() - Number(count) * (UNITS[unit] ?? 0)
    if (Number.isNaN(ms) || (count === undefined && !isDate))
      throw new UsageError(`--${name} must be a time like 2026-11-23T12:00:00Z, or 10m, 2h, 7d.`)
    return new Date(ms).toISOString()
  }
}

const UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

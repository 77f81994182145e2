import { CommandFailed, UsageError } from './failures.ts'

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 }
export type Style = keyof typeof STYLES

/** A progress line is drawn anew at most so often, so that it costs nothing. */
const REDRAW_MS = 100
const ERASE_LINE = '\r\u001b[2K'

interface Stream {
  write(text: string): unknown
  isTTY?: boolean
  /** Obeys NO_COLOR, FORCE_COLOR and TERM. */
  hasColors?(): boolean
}

/**
 * Where a command prints: what was asked for to standard output, all else to standard error, so that a pipe gets the
 * first alone.
 */
export class Terminal {
  readonly json: boolean
  readonly #out: Stream
  readonly #err: Stream
  #progress = ''
  #drawnAt = 0

  constructor(options: { json: boolean; out?: Stream; err?: Stream }) {
    this.json = options.json
    this.#out = options.out ?? process.stdout
    this.#err = options.err ?? process.stderr
  }

  print(line: string): void {
    this.#clear()
    this.#out.write(`${line}\n`)
  }

  /** With `--json` the answer as it is, else what `show` makes of it. */
  answer<Answer>(answer: Answer, show: (answer: Answer) => string): void {
    this.print(this.json ? JSON.stringify(answer, null, 2) : show(answer))
  }

  /** One line of many: compact, so that each line is one value. */
  row<Row>(row: Row, show: (row: Row) => string): void {
    this.print(this.json ? JSON.stringify(row) : show(row))
  }

  note(line: string): void {
    this.#clear()
    this.#err.write(`${line}\n`)
  }

  /** How far long work has come: on a terminal one line that is drawn again, elsewhere nothing. */
  progress(line: string): void {
    if (this.#err.isTTY !== true || performance.now() - this.#drawnAt < REDRAW_MS) return
    this.#drawnAt = performance.now()
    this.#err.write(`${this.#progress === '' ? '' : ERASE_LINE}${line}`)
    this.#progress = line
  }

  /** Tells why a command failed. */
  failure(error: Error): void {
    this.#clear()
    const answer = error instanceof CommandFailed ? error.answer : undefined
    const word = error instanceof UsageError ? 'usage' : 'failed'
    if (this.json) this.#err.write(`${JSON.stringify(answer ?? { error: word, message: error.message })}\n`)
    else this.#err.write(`${this.#paint(this.#err, 'red', clean(error.message, '\n'))}\n`)
  }

  paint(style: Style, text: string): string {
    return this.#paint(this.#out, style, text)
  }

  #paint(stream: Stream, style: Style, text: string): string {
    const isColoured = stream.isTTY === true && stream.hasColors?.() === true
    return isColoured ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text
  }

  #clear(): void {
    if (this.#progress !== '') this.#err.write(ERASE_LINE)
    this.#progress = ''
    this.#drawnAt = 0
  }
}

/** Columns side by side, under their names; empty when there is no row. */
export function table(names: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = [names, ...rows].map((row) => row.map((cell) => clean(cell ?? '–')))
  const widths = names.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Names and their values, one a line. */
export function fields(entries: readonly (readonly [name: string, value: unknown])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length))
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${clean(value ?? '–')}`).join('\n')
}

/** What others wrote must not steer the terminal. */
export function clean(value: unknown, but = ''): string {
  const text = typeof value === 'string' ? value : Array.isArray(value) ? value.join(', ') : String(value)
  const shown = (character: string) => character === but || !isControl(character)
  return [...text].map((character) => (shown(character) ? character : '\ufffd')).join('')
}

function isControl(character: string): boolean {
  const code = character.codePointAt(0) ?? 0
  return code < 0x20 || (code >= 0x7f && code < 0xa0)
}

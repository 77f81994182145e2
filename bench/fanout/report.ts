import { median, table } from '../support/table.ts'
import type { Row } from './rounds.ts'
import { type Figure, SCENARIOS } from './scenarios.ts'

type Column = [head: string, figure: Figure, show: (value: number) => string]

const ms = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en'))
const percent = (value: number) => `${Math.floor(value * 100 + 1e-6)} %`
const P50: Column = ['p50, ms', 'p50Ms', ms]
const P99: Column = ['p99', 'p99Ms', ms]

const FAN_OUT: Column[] = [
  ['delivered', 'share', percent],
  P50,
  P99,
  ['max', 'maxMs', ms],
  ['CPU s a million', 'cpuPerMillion', (value) => value.toFixed(2)],
  ['CPU of the server', 'cpuShare', percent],
  ['of the client', 'clientShare', percent],
]
const IDLE: Column[] = [
  ['bytes a socket', 'bytesPerSocket', (value) => Math.round(value).toLocaleString('en')],
  ['accepted in, ms', 'acceptMs', ms],
]
const STALLED: Column[] = [
  ['delivered', 'share', percent],
  ['p99 when all read, ms', 'p99Ms', ms],
  ['delivered to the others', 'stalledShare', percent],
  ['p99 of the others', 'stalledP99Ms', ms],
]

/** A table for each scenario: medians over the rounds. */
export function report(rows: readonly Row[]): string {
  return Object.entries(SCENARIOS)
    .filter(([key]) => rows.some(({ scenario }) => scenario === key))
    .map(
      ([key, { name }]) =>
        `### ${name}\n\n${tableOf(
          rows.filter(({ scenario }) => scenario === key),
          columnsOf(key),
        )}\n`,
    )
    .join('\n')
}

function columnsOf(scenario: string): Column[] {
  if (scenario === 'idle') return IDLE
  return scenario === 'stalled' ? STALLED : FAN_OUT
}

function tableOf(rows: readonly Row[], columns: readonly Column[]): string {
  const contenders = [...new Set(rows.map(({ contender }) => contender))]
  const lines = contenders.map((contender) => {
    const own = rows.filter((row) => row.contender === contender)
    const measured = own.filter(({ failed }) => failed === undefined)
    const cells = columns.map(([, figure, show]) =>
      cell(
        measured.flatMap(({ figures }) => figures[figure] ?? []),
        show,
      ),
    )
    const failures = own.length - measured.length
    return [own[0]?.name ?? contender, ...cells, `${measured.length}${failures > 0 ? ` (${failures} failed)` : ''}`]
  })
  return table(['', ...columns.map(([head]) => head), 'rounds'], lines)
}

function cell(values: readonly number[], show: (value: number) => string): string {
  return values.length === 0 ? '–' : show(median(values))
}

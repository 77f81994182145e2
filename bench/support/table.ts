import { arch, cpus, totalmem } from 'node:os'

/** The middle one; of an even number the lower of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
}

/** Of values in rising order: the smallest that `share` (0..1) of them do not exceed. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

export function spread(values: readonly number[]): string {
  return `${Math.round(Math.min(...values)).toLocaleString('en')} – ${Math.round(Math.max(...values)).toLocaleString('en')}`
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number) => (typeof value === 'number' ? Math.round(value).toLocaleString('en') : value)
  const line = (cells: readonly (string | number)[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Where the figures were measured: they mean nothing without. */
export function conditions(...more: string[]): string {
  const [cpu] = cpus()
  const gib = Math.round(totalmem() / 2 ** 30)
  return [
    `${cpus().length} × ${cpu?.model ?? arch()}, ${gib} GiB`,
    `Node ${process.versions.node}`,
    'loopback',
    ...more,
  ].join('; ')
}

/*
 * Named places where a test ends the process as a power cut would, to show that nothing is lost there. Each does nothing unless
 * `CRASH_AT` names it, and production refuses to start with that.
 */
export const CRASH_POINTS = [
  'before_commit',
  'after_commit',
  'after_announce',
  'after_take',
  'after_add',
  'before_claim',
  'after_claim',
  'after_send',
  'after_record',
] as const

export type CrashPoint = (typeof CRASH_POINTS)[number]

/** Which pass of a point ends the process; with `text` only passes with a subject that holds it are counted. */
export interface CrashAt {
  point: CrashPoint
  pass: number
  text?: string | undefined
}

const FORM = /^([a-z_]+)(?::([1-9]\d{0,8}))?(?:=(.+))?$/

/** Reads `after_commit`, `after_commit:25` or `after_claim=text`; null when it is none of them. */
export function parseCrashAt(given: string): CrashAt | null {
  const [, name, pass = '1', text] = FORM.exec(given) ?? []
  const point = CRASH_POINTS.find((known) => known === name)
  return point === undefined ? null : { point, pass: Number(pass), text }
}

/** The process as a whole ends, so it is the process that has it, once. */
let armed: CrashAt | undefined
let passes = 0

export function armCrashPoint(at: CrashAt | undefined): void {
  armed = at
}

/** @param subject what the pass is about, for a crash that is to follow one thing wherever it goes */
export function crashPoint(point: CrashPoint, subject = ''): void {
  if (armed === undefined || armed.point !== point) return
  if (armed.text !== undefined && !subject.includes(armed.text)) return
  passes += 1
  if (passes === armed.pass) process.kill(process.pid, 'SIGKILL')
}

import { words } from '../format.ts'

export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'calm'

const TONES: Record<string, Tone> = {
  success: 'good',
  failed: 'bad',
  retrying: 'warn',
  delivering: 'busy',
  started: 'busy',
  pending: 'busy',
  canceled: 'calm',
  aborted: 'calm',
  superseded: 'calm',
  unknown: 'warn',
  running: 'busy',
  completed: 'good',
  low: 'calm',
  medium: 'warn',
  high: 'bad',
  critical: 'bad',
}

export function Badge({ tone, children }: { tone: Tone; children: string }) {
  return <span class={`badge ${tone}`}>{children}</span>
}

/** A status in its colour; the word is always there, so nobody needs to see the colour. */
export function StatusBadge({ status }: { status: string }) {
  return <Badge tone={TONES[status] ?? 'calm'}>{words(status)}</Badge>
}

import type { ComponentChildren } from 'preact'
import { useResource } from '../../api/use-resource.ts'
import { words } from '../../format.ts'
import { Select } from '../../parts/field.tsx'
import { readEventTypes } from '../webhooks/event-types.ts'

const STATUSES = ['pending', 'delivering', 'retrying', 'success', 'failed', 'canceled']
const SPANS = [
  ['', 'Any time'],
  ['1', 'Last hour'],
  ['24', 'Last day'],
  ['168', 'Last seven days'],
] as const

export function FilterBar({
  value,
  onChange,
  children,
}: {
  value: (name: string) => string
  onChange: (changes: Record<string, string>) => void
  children?: ComponentChildren
}) {
  const types = useResource(readEventTypes, [])
  const names = (types.value ?? []).map(({ event_type }) => [event_type, words(event_type)] as const)
  return (
    <div class="filters">
      {children}
      <Select
        label="Status"
        value={value('status')}
        onValue={(status) => onChange({ status })}
        options={[['', 'Any status'], ...STATUSES.map((status) => [status, words(status)] as const)]}
      />
      <Select
        label="Event"
        value={value('event_type')}
        onValue={(event_type) => onChange({ event_type })}
        options={[['', 'Any event'], ...names]}
      />
      <Select label="Time" value={value('since')} onValue={(since) => onChange({ since })} options={SPANS} />
    </div>
  )
}

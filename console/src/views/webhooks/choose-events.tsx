import type { EventTypeEntry } from '../../api/shapes.ts'
import { words } from '../../format.ts'
import { Checkbox } from '../../parts/field.tsx'
import { Code } from '../../parts/page.tsx'

/** The catalogue to choose from, each type with what it looks like on arrival. */
export function ChooseEvents({
  types,
  chosen,
  onChange,
  error,
}: {
  types: readonly EventTypeEntry[]
  chosen: readonly string[]
  onChange: (chosen: readonly string[]) => void
  error?: string | undefined
}) {
  const isAll = chosen.includes('*')
  const toggle = (type: string) => (isOn: boolean) =>
    onChange(isOn ? [...chosen, type] : chosen.filter((one) => one !== type))
  return (
    <fieldset class="choose-events" aria-describedby="events-error">
      <legend class="visually-hidden">Event types</legend>
      <Checkbox
        label="All events"
        hint="Also of types that are added later."
        checked={isAll}
        onValue={(isOn) => onChange(isOn ? ['*'] : [])}
      />
      {!isAll && (
        <ul class="type-list">
          {types.map(({ event_type, description, example }) => (
            <li key={event_type}>
              <Checkbox
                label={words(event_type)}
                hint={description}
                checked={chosen.includes(event_type)}
                onValue={toggle(event_type)}
              />
              <details>
                <summary>
                  Example<span class="visually-hidden"> of {words(event_type)}</span>
                </summary>
                <Code
                  label={`Example of ${words(event_type)}`}
                  text={JSON.stringify(
                    { data: example, event_id: 'evt_…', event_type, timestamp: '2026-11-23T12:00:00.000Z' },
                    null,
                    2,
                  )}
                />
              </details>
            </li>
          ))}
        </ul>
      )}
      <p id="events-error" class="field-error">
        {error}
      </p>
    </fieldset>
  )
}

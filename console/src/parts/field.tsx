import type { ComponentChildren, JSX } from 'preact'
import { useId } from 'preact/hooks'

type InputProps = Omit<JSX.HTMLAttributes<HTMLInputElement>, 'onChange' | 'label'> & {
  type?: string
  value: string
  placeholder?: string
  required?: boolean
  disabled?: boolean
  spellcheck?: boolean
  autocomplete?: string
  inputMode?: string
  list?: string
  min?: string | number
  max?: string | number
  maxLength?: number
}

interface Labelled {
  label: string
  hint?: ComponentChildren
  error?: string | undefined
  onValue: (value: string) => void
}

export function TextField({ label, hint, error, onValue, ...input }: InputProps & Labelled) {
  const id = useId()
  return (
    <Frame id={id} label={label} hint={hint} error={error} required={input.required}>
      <input
        autocomplete="off"
        spellcheck={false}
        {...(input as JSX.HTMLAttributes<HTMLInputElement>)}
        id={id}
        aria-describedby={describedBy(id, hint, error)}
        aria-invalid={error !== undefined}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </Frame>
  )
}

export function TextArea({
  label,
  hint,
  error,
  onValue,
  rows = 4,
  value,
  ...input
}: Labelled & { rows?: number; value: string; required?: boolean; mono?: boolean; autofocus?: boolean }) {
  const id = useId()
  return (
    <Frame id={id} label={label} hint={hint} error={error} required={input.required}>
      <textarea
        id={id}
        rows={rows}
        value={value}
        required={input.required}
        class={input.mono ? 'mono' : undefined}
        spellcheck={false}
        autocomplete="off"
        aria-describedby={describedBy(id, hint, error)}
        aria-invalid={error !== undefined}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </Frame>
  )
}

export function Select({
  label,
  hint,
  error,
  onValue,
  value,
  options,
  required,
}: Labelled & { value: string; required?: boolean; options: readonly (readonly [value: string, text: string])[] }) {
  const id = useId()
  return (
    <Frame id={id} label={label} hint={hint} error={error} required={required}>
      <select
        id={id}
        value={value}
        aria-describedby={describedBy(id, hint, error)}
        onChange={(event) => onValue(event.currentTarget.value)}
      >
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </Frame>
  )
}

export function Checkbox({
  label,
  hint,
  checked,
  onValue,
}: {
  label: string
  hint?: ComponentChildren
  checked: boolean
  onValue: (value: boolean) => void
}) {
  const id = useId()
  return (
    <div class="check">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onValue(event.currentTarget.checked)}
      />
      <div>
        <label for={id}>{label}</label>
        {hint && (
          <p class="hint" id={`${id}-hint`}>
            {hint}
          </p>
        )}
      </div>
    </div>
  )
}

function Frame({
  id,
  label,
  hint,
  error,
  required,
  children,
}: {
  id: string
  label: string
  hint?: ComponentChildren
  error?: string | undefined
  required?: boolean | undefined
  children: ComponentChildren
}) {
  return (
    <div class="field">
      <label for={id}>
        {label}
        {required && <span class="required"> required</span>}
      </label>
      {children}
      {error !== undefined && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}

function describedBy(id: string, hint: ComponentChildren, error: string | undefined): string | undefined {
  const ids = [error === undefined ? null : `${id}-error`, hint ? `${id}-hint` : null].filter((one) => one !== null)
  return ids.length === 0 ? undefined : ids.join(' ')
}

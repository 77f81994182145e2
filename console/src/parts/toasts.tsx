import { createSignal, useSignal } from '../signal.ts'
import { Icon } from './icon.tsx'

interface Toast {
  id: number
  text: string
  kind: 'good' | 'bad'
}

const SHOWN_MS = 6_000
const toasts = createSignal<readonly Toast[]>([])
let made = 0

/** Says something in passing: that it was done, or why not. */
export function tell(text: string, kind: Toast['kind'] = 'good'): void {
  made += 1
  const toast = { id: made, text, kind }
  toasts.value = [...toasts.value, toast].slice(-3)
  setTimeout(() => forget(toast.id), kind === 'bad' ? 2 * SHOWN_MS : SHOWN_MS)
}

function forget(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id)
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {useSignal(toasts).map(({ id, text, kind }) => (
        <div key={id} class={`toast ${kind}`}>
          <Icon name={kind === 'good' ? 'check' : 'warning'} />
          <span>{text}</span>
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => forget(id)}>
            <Icon name="cross" />
          </button>
        </div>
      ))}
    </div>
  )
}

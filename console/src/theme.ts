import { createSignal } from './signal.ts'

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'ara-theme'
const THEMES: readonly Theme[] = ['system', 'light', 'dark']

const darkSystem = matchMedia('(prefers-color-scheme: dark)')
export const theme = createSignal<Theme>(read())
apply(theme.value)
darkSystem.addEventListener('change', () => apply(theme.value))

/** The next of the three. */
export function turnTheme(): void {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system'
  localStorage.setItem(KEY, next)
  apply(next)
  theme.value = next
}

/** The style sheets know light and dark only. */
function apply(chosen: Theme): void {
  const shown = chosen === 'system' ? (darkSystem.matches ? 'dark' : 'light') : chosen
  document.documentElement.dataset['theme'] = shown
}

function read(): Theme {
  const kept = localStorage.getItem(KEY)
  return THEMES.find((known) => known === kept) ?? 'system'
}

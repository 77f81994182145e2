import { createSignal } from './signal.ts'

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'ara-theme'
const THEMES: readonly Theme[] = ['system', 'light', 'dark']

export const theme = createSignal<Theme>(read())
apply(theme.value)

/** The next of the three. */
export function turnTheme(): void {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system'
  localStorage.setItem(KEY, next)
  apply(next)
  theme.value = next
}

function apply(chosen: Theme): void {
  if (chosen === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = chosen
}

function read(): Theme {
  const kept = localStorage.getItem(KEY)
  return THEMES.find((known) => known === kept) ?? 'system'
}

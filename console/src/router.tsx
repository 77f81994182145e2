import type { ComponentChildren, JSX } from 'preact'
import { createSignal, useSignal } from './signal.ts'

const BASE = '/console'

/** The part of the address below `/console`, as `/webhooks/wh_…`. */
export const place = createSignal(placeOf(location.pathname))
/** What stands after the `?`. */
export const search = createSignal(location.search)

window.addEventListener('popstate', follow)

export function go(to: string, { replace = false } = {}): void {
  const address = BASE + to
  if (replace) history.replaceState(null, '', address)
  else history.pushState(null, '', address)
  const isOtherView = placeOf(location.pathname) !== place.value
  follow()
  if (isOtherView && !replace) window.scrollTo(0, 0)
}

function follow(): void {
  search.value = location.search
  place.value = placeOf(location.pathname)
}

function placeOf(path: string): string {
  const below = path.slice(BASE.length).replace(/\/+$/, '')
  return below === '' ? '/' : below
}

/** A link within the console; other buttons and keys of the browser do what they do with links. */
export function Link({
  to,
  children,
  ...others
}: { to: string; children: ComponentChildren } & Omit<JSX.HTMLAttributes<HTMLAnchorElement>, 'href'>) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    go(to)
  }
  return (
    <a {...others} href={BASE + to} onClick={follow}>
      {children}
    </a>
  )
}

/** One word of the query, and the way to set it, so that a filtered list has an address of its own. */
export function useQuery(): [(name: string) => string, (changes: Record<string, string>) => void] {
  const query = new URLSearchParams(useSignal(search))
  const set = (changes: Record<string, string>) => {
    const next = new URLSearchParams(search.value)
    for (const [name, value] of Object.entries(changes)) {
      if (value === '') next.delete(name)
      else next.set(name, value)
    }
    const text = next.toString()
    go(`${place.value === '/' ? '' : place.value}${text === '' ? '' : `?${text}`}`, { replace: true })
  }
  return [(name) => query.get(name) ?? '', set]
}

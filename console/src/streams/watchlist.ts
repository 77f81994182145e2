import { ask } from '../api/api.ts'
import type { Page, StoredEvent } from '../api/shapes.ts'
import { createSignal } from '../signal.ts'

const KEY = 'ara-symbols'
const SYMBOL = /^[A-Z0-9.^=-]{1,20}$/
const MOST_SYMBOLS = 12
/** Where nothing has been published yet. */
const FIRST = ['AAPL', 'MSFT', '^GSPC']

/** The symbols to look at; null until they are known. */
export const watchlist = createSignal<readonly string[] | null>(read())

/** Without a list of one's own: what was published about lately. */
export async function proposeSymbols(signal: AbortSignal): Promise<void> {
  if (watchlist.value !== null) return
  const { events } = await ask<Page<'events', StoredEvent>>('GET', '/api/v1/events', {
    query: { limit: 100 },
    signal,
  }).catch(() => ({ events: [] }))
  if (signal.aborted) return
  const symbols = [...new Set(events.flatMap(({ symbol }) => symbol ?? []))].sort().slice(0, MOST_SYMBOLS)
  watchlist.value = symbols.length === 0 ? FIRST : symbols
}

/** @returns why not, or null */
export function addSymbol(given: string): string | null {
  const symbol = given.trim().toUpperCase()
  const symbols = watchlist.value ?? []
  if (!SYMBOL.test(symbol)) return 'A symbol has letters, digits and . ^ = - only, like AAPL or ^GSPC.'
  if (symbols.includes(symbol)) return null
  if (symbols.length >= MOST_SYMBOLS) return `At most ${MOST_SYMBOLS} symbols are watched at once.`
  keep([...symbols, symbol])
  return null
}

export function removeSymbol(symbol: string): void {
  keep((watchlist.value ?? []).filter((one) => one !== symbol))
}

function keep(symbols: readonly string[]): void {
  localStorage.setItem(KEY, JSON.stringify(symbols))
  watchlist.value = symbols
}

function read(): readonly string[] | null {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null')
    return Array.isArray(kept) && kept.length > 0
      ? kept.filter((one) => typeof one === 'string' && SYMBOL.test(one))
      : null
  } catch {
    return null
  }
}

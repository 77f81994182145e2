import { z } from 'zod'

const SYMBOL = /^[A-Z0-9.^=-]{1,20}$/

/** A symbol as clients write it, upper-cased: AAPL, BTC-USD, EURUSD, ^GSPC. */
export const symbolSchema = z
  .string()
  .max(64)
  .transform((text) => text.toUpperCase())
  .pipe(z.string().regex(SYMBOL, 'must be 1 to 20 of A-Z, 0-9, "." "^" "=" "-"'))

/** The symbol upper-cased, or null when it is none. */
export function parseSymbol(text: string): string | null {
  const upper = text.toUpperCase()
  return SYMBOL.test(upper) ? upper : null
}

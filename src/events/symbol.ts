import { z } from 'zod'

/** Looked at before it is upper-cased: some letters of other scripts become ASCII by that. */
const SYMBOL = /^[A-Za-z0-9.^=-]{1,20}$/

/** A symbol as clients write it, upper-cased: AAPL, BTC-USD, EURUSD, ^GSPC. */
export const symbolSchema = z
  .string()
  .regex(SYMBOL, 'must be 1 to 20 of A-Z, 0-9, "." "^" "=" "-"')
  .transform((text) => text.toUpperCase())

/** The symbol upper-cased, or null when it is none. */
export function parseSymbol(text: string): string | null {
  return SYMBOL.test(text) ? text.toUpperCase() : null
}

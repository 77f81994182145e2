/*
 * The values of custom headers are secrets between an owner and a receiver: they are stored encrypted, so they must not stand
 * in the log either, neither as sent nor as echoed by a receiver that shows what it was asked.
 */

const MASK = '***'
/** A shorter one is no secret, and would be found everywhere. */
const SHORTEST_SECRET = 8

/** The headers as they may be logged. */
export function maskCustom(
  headers: Readonly<Record<string, string>>,
  customNames: readonly string[],
): Record<string, string> {
  const masked: Record<string, string> = { ...headers }
  for (const name of customNames) if (name in masked) masked[name] = MASK
  return masked
}

/** The values to look for in an answer: whole, and without what stands before them (`Bearer`). */
export function customSecrets(headers: Readonly<Record<string, string>>, customNames: readonly string[]): string[] {
  if (customNames.length === 0) return []
  const values = customNames.flatMap((name) => {
    const value = headers[name] ?? ''
    return [value, ...value.split(/\s+/)]
  })
  return [...new Set(values)].filter((value) => value.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length)
}

/** An answer as it may be logged. Secrets are visible ASCII, so they look the same in every encoding of the answer's text. */
export function maskEchoes(bytes: Buffer, secrets: readonly string[]): Buffer {
  const echoed = secrets.filter((secret) => bytes.includes(secret, 0, 'latin1'))
  if (echoed.length === 0) return bytes
  const text = echoed.reduce((masked, secret) => masked.replaceAll(secret, MASK), bytes.toString('latin1'))
  return Buffer.from(text, 'latin1')
}

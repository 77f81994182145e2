/**
 * Which web origins may open sockets. An entry is an origin as browsers send it (`https://app.example`), or one with `*.` before
 * the host, which stands for every host below it and not for itself. Without entries all may, and who names no origin is no
 * browser.
 */
export function createOriginCheck(entries: readonly string[]): (origin: string) => boolean {
  const exact = new Set(entries.map((entry) => entry.toLowerCase()))
  const below = [...exact]
    .filter((entry) => entry.includes('://*.'))
    .map((entry) => entry.split('*') as [string, string])
  return (origin) => {
    if (origin === '' || exact.size === 0) return true
    const given = origin.toLowerCase()
    return exact.has(given) || below.some(([scheme, host]) => isBelow(given, scheme, host))
  }
}

function isBelow(origin: string, scheme: string, host: string): boolean {
  if (!origin.startsWith(scheme) || !origin.endsWith(host)) return false
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(origin.slice(scheme.length, -host.length))
}

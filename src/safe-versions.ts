/**
 * The oldest versions without a known flaw that this system would have. The documentation shows this table, a test holds the
 * packages against it, and operators' programs can hold servers against it.
 */
export interface SafeVersion {
  name: string
  /** What runs beside this program, or an npm package inside it. */
  kind: 'runtime' | 'server' | 'package'
  /** The oldest good version of each release line, oldest line first. */
  least: readonly string[]
  /** How many numbers name a release line: 2 for 8.6. */
  lineParts: number
  because: string
}

const runs = (kind: 'runtime' | 'server', name: string, lineParts: number, least: string[], because: string) => ({
  ...{ kind, name, lineParts, least, because },
})
const pkg = (name: string, least: string, because: string) => ({
  ...{ kind: 'package' as const, name, lineParts: 1, least: [least], because },
})

export const SAFE_VERSIONS: readonly SafeVersion[] = [
  runs(
    'runtime',
    'Node.js',
    1,
    ['20.20.2', '22.23.2', '24.18.1'],
    'CVE-2026-21710: a request header `__proto__` ended the process (20, the last of a line that gets no more fixes since ' +
      '2026-04-30); CVE-2026-48618: a certificate passed for another host; CVE-2026-56846, -56848, -58043 (22, 24)',
  ),
  runs(
    'server',
    'PostgreSQL',
    1,
    ['15.19', '16.15', '17.11', '18.6'],
    '28 flaws mended on 2026-08-13; before that CVE-2026-6473 (memory overwritten by a query) and -6479 (ended without a login)',
  ),
  runs(
    'server',
    'Redis',
    2,
    ['6.2.23', '7.2.15', '7.4.10', '8.2.8', '8.4.5', '8.6.5', '8.8.1'],
    'CVE-2026-23479 and -25243, before that CVE-2025-49844: whoever may log in runs code on the server',
  ),
  pkg('koa', '3.1.2', 'CVE-2026-27959: `ctx.hostname` could be made to name another host'),
  pkg('bullmq', '6.3.3', 'workers of 6.0.7 to 6.3.2 never resumed after Redis was away for 6 s'),
  pkg(
    'undici',
    '7.29.0',
    'CVE-2025-47279: a bad certificate made it leak memory; CVE-2026-22036, -1525, -12151, -13697 and others',
  ),
  pkg(
    'uwebsockets',
    '3.0.6',
    'the last upstream build of its age that loads on glibc 2.27; has `dropped`, without which losses stay hidden',
  ),
  pkg('ioredis', '6.0.0', 'the retries after an outage are measured with it'),
  pkg(
    'ws',
    '8.21.0',
    'CVE-2024-37890: many headers ended the process; CVE-2026-48779: small fragments filled the memory',
  ),
  pkg('jsonwebtoken', '9.0.0', 'CVE-2022-23540: a token could choose the algorithm `none`'),
  pkg('jws', '4.0.1', 'CVE-2025-65945: an HMAC signature was not verified in some uses'),
  pkg('knex', '2.4.0', 'CVE-2016-20018: an object as a value changed the statement'),
  pkg('msgpackr', '1.10.1', 'CVE-2023-52079: a message could loop for ever'),
  pkg('path-to-regexp', '8.0.0', 'CVE-2024-45296: two parameters in one segment took exponential time'),
]

/**
 * Whether a version is good, as upstream numbers it: distributions mend old numbers without changing them.
 * @param version e.g. `v20.20.2`, `18.6 (Debian 18.6-1)` or `7.2.15`; what follows the numbers is ignored
 */
export function isSafeVersion(
  { least, lineParts }: Pick<SafeVersion, 'least' | 'lineParts'>,
  version: string,
): boolean {
  const have = numbersOf(version)
  const line = have.slice(0, lineParts)
  const ofItsLine = least.map(numbersOf).find((numbers) => compare(numbers.slice(0, lineParts), line) === 0)
  if (ofItsLine) return compare(have, ofItsLine) >= 0
  return compare(have, numbersOf(least.at(-1) ?? '')) > 0
}

function numbersOf(version: string): number[] {
  const [numbers = ''] = /\d+(\.\d+)*/.exec(version) ?? []
  return numbers.split('.').map(Number)
}

function compare(left: readonly number[], right: readonly number[]): number {
  for (let part = 0; part < Math.max(left.length, right.length); part += 1) {
    const difference = (left[part] ?? 0) - (right[part] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

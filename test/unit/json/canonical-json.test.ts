import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { canonicalJson } from '../../../src/json/canonical-json.ts'
import { type JsonValue, parseStrictJson } from '../../../src/json/strict-json.ts'

const table: { given: string; expected: string }[] = JSON.parse(
  readFileSync(new URL('canonical-table.json', import.meta.url), 'utf8'),
)

const text = fc.string({ unit: 'binary', maxLength: 12 }).map((drawn) => drawn.replaceAll('\0', '\u007f'))
const key = fc.oneof(text, fc.nat().map(String), fc.constantFrom('a', 'b', '\uffff', '\u{10000}', ''))
const double = fc.double({ noNaN: true, noDefaultInfinity: true })
const number = fc.oneof(
  double,
  fc.maxSafeInteger(),
  fc.integer({ min: -1000, max: 1000 }).map((hundredths) => hundredths / 100),
  fc
    .tuple(fc.integer({ min: -9999, max: 9999 }), fc.integer({ min: -30, max: 30 }))
    .map(([n, e]) => Number(`${n}e${e}`)),
  fc.tuple(double, fc.integer({ min: -80, max: 80 })).map(([n, e]) => (n % 1) * 2 ** e),
)
const { value: anyValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    number,
    text,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(fc.tuple(key, tie('value')), { maxLength: 6 })
      .map((members) => Object.fromEntries(members.filter(([name]) => name !== '__proto__'))),
  ),
}))

const LOADS_AND_DUMPS = `
import json, sys
for line in sys.stdin:
    print(json.dumps(json.loads(line), sort_keys=True))
`

/** Each text after Python read and printed it, or null where there is no Python. */
function throughPython(texts: readonly string[]): string[] | null {
  const python = spawnSync('python3', ['-c', LOADS_AND_DUMPS], {
    input: `${texts.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  })
  if (python.error && 'code' in python.error && python.error.code === 'ENOENT') return null
  assert.equal(python.status, 0, python.stderr)
  return python.stdout.trimEnd().split('\n')
}

/** What must hold of a canonical text even where no Python can be asked. */
function checkText(canonical: string, value: JsonValue): void {
  assert.match(canonical, /^[\x20-\x7e]*$/)
  const again = parseStrictJson(canonical)
  assert.deepEqual(again, value)
  assert.equal(canonicalJson(again), canonical)
}

describe('the canonical text', () => {
  it(`is what Python printed for each of ${table.length} texts`, () => {
    for (const { given, expected } of table) assert.equal(canonicalJson(parseStrictJson(given)), expected, given)
  })

  it('is read as the same value and printed as the same text again', () => {
    fc.assert(
      fc.property(anyValue, (value) => checkText(canonicalJson(value), value)),
      { numRuns: 2_000 },
    )
  })

  it('of 10,000 random values and of the table comes out of Python as it went in', () => {
    const values = fc.sample(anyValue, 10_000)
    const texts = [...values.map(canonicalJson), ...table.map(({ expected }) => expected)]
    const printed = throughPython(texts)
    if (printed === null) {
      for (const [index, value] of values.entries()) checkText(texts[index] ?? '', value)
      return
    }
    assert.equal(printed.length, texts.length)
    for (const [index, canonical] of texts.entries()) assert.equal(printed[index], canonical)
  })

  it('does not depend on the order of the keys', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(key, anyValue), { selector: ([name]) => name, maxLength: 8 }), (members) => {
        const allowed = members.filter(([name]) => name !== '__proto__')
        const forth: JsonValue = Object.fromEntries(allowed)
        const back: JsonValue = Object.fromEntries(allowed.toReversed())
        assert.equal(canonicalJson(forth), canonicalJson(back))
      }),
    )
  })
})

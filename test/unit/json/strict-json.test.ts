import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ApiError, type Complaint } from '../../../src/errors.ts'
import { parseStrictJson } from '../../../src/json/strict-json.ts'

function refusal(text: string): ApiError {
  try {
    parseStrictJson(text)
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error))
    return error
  }
  assert.fail(`accepted ${text.slice(0, 200)}`)
}

function complaints(text: string): Complaint[] {
  const error = refusal(text)
  assert.equal(error.status, 422)
  assert.equal(error.code, 'validation_failed')
  assert.ok(Array.isArray(error.details))
  return error.details
}

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const nestedObjects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

describe('strict JSON', () => {
  const accepted: [what: string, text: string, value: unknown][] = [
    ['the largest safe integer', '9007199254740991', 9007199254740991],
    ['2^53, which a double holds', '9007199254740992', 2 ** 53],
    ['2^60, which a double holds', '1152921504606846976', 2 ** 60],
    ['1e16', '1e16', 1e16],
    ['1e16 written out', '[10000000000000000]', [1e16]],
    ['1e21 written out', '1000000000000000000000', 1e21],
    ['the largest double', '1.7976931348623157e308', Number.MAX_VALUE],
    ['an exponent of three digits', '1E+100', 1e100],
    ['the smallest double', '5e-324', 5e-324],
    ['a fraction with more digits than a double has', '0.12345678901234567890123456789', 0.12345678901234568],
    ['a long number inside a string', '{"a":"9007199254740993"}', { a: '9007199254740993' }],
    ['a long number after an escaped quote', '"\\"9007199254740993"', '"9007199254740993'],
    ['a long number after an escaped backslash', '["\\\\","9007199254740993"]', ['\\', '9007199254740993']],
    ['a long number as a name', '{"9007199254740993":1}', { '9007199254740993': 1 }],
    ['1e400 inside a string', '"1e400"', '1e400'],
    ['64 levels of arrays', nested(64), JSON.parse(nested(64))],
    ['a value within 64 levels of objects', nestedObjects(64), JSON.parse(nestedObjects(64))],
    ['an emoji', '"😀"', '😀'],
    ['an emoji as escaped surrogates', '"\\ud83d\\uDE00"', '😀'],
    ['a half escaped pair', '"\\ud83d\ude00"', '😀'],
    ['a noncharacter', '"\\uffff"', '\uffff'],
    ['__proto__ as a value', '{"a":"__proto__"}', { a: '__proto__' }],
    ['names like __proto__', '{"_proto_":1,"constructor":2}', { _proto_: 1, constructor: 2 }],
    ['the last of two members with one name', '{"a":1,"a":2}', { a: 2 }],
    ['controls other than NUL', '"\\u0001\\u001f\\u007f"', '\u0001\u001f\u007f'],
    ['an escaped backslash before u0000', '"\\\\u0000"', '\\u0000'],
    ['white space around', ' \t\r\n null \n', null],
  ]
  for (const [what, text, value] of accepted) {
    it(`accepts ${what}`, () => assert.deepEqual(parseStrictJson(text), value))
  }

  const refused: [what: string, text: string, expected: [path: string, reason: RegExp][]][] = [
    ['an integer that a double rounds', '9007199254740993', [['', /^9007199254740993 cannot be held exactly$/]]],
    ['a negative one', '{"a":-9007199254740993}', [['a', /^-9007199254740993 /]]],
    ['a rounded integer beyond 1e21', '[1000000000000000000001]', [['[0]', /^1000000000000000000001 /]]],
    [
      'two rounded integers',
      '[9007199254740993,9007199254740995]',
      [
        ['[0]', /0993 /],
        ['[1]', /0995 /],
      ],
    ],
    [
      'one beside its look-alike in a string',
      '{"9007199254740995":9007199254740993}',
      [['9007199254740995', /^9007199254740993 /]],
    ],
    [
      'some of many, at whatever depth and after whatever stands before',
      '{"a":[[],{},[1,{"b":"]}{[,","c\\"\\u00e9":[{"x":0},1e400]}]],"d":{"e":{}},"f":9007199254740993}',
      [
        ['a[2][1].c"é[1]', /^1e400 /],
        ['f', /0993 /],
      ],
    ],
    ['one under a long name', `{"${'k'.repeat(101)}":1e400}`, [[`${'k'.repeat(100)}…`, /1e400/]]],
    [
      'one that is too deep as well',
      `${'['.repeat(65)}1e400${']'.repeat(65)}`,
      [
        ['', /1e400/],
        ['', /64 levels/],
      ],
    ],
    ['1e400', '{"a":1e400}', [['a', /^1e400 /]]],
    ['-1E+400', '[-1E+400]', [['[0]', /^-1E\+400 /]]],
    ['a non-finite number with few digits of exponent', '{"a":123456789e301}', [['a', /e301 /]]],
    ['an exponent with leading zeros', '1e0000400', [['', /^1e0000400 /]]],
    ['400 digits', '9'.repeat(400), [['', /^9{40}… cannot/]]],
    ['65 levels of arrays', nested(65), [['', /64 levels/]]],
    ['65 levels of objects', nestedObjects(65), [['', /64 levels/]]],
    ['a million levels', nested(1_000_000), [['', /64 levels/]]],
    ['a __proto__ member', '{"__proto__":1}', [['__proto__', /name/]]],
    ['an escaped __proto__ member', '{"a":[{"\\u005f_proto__":{}}]}', [['a[0].__proto__', /name/]]],
    [
      'a wholly escaped one',
      `{"${[...'__proto__'].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('')}":1}`,
      [['__proto__', /name/]],
    ],
    ['NUL in a text', '{"a":["b","\\u0000"]}', [['a[1]', /NUL/]]],
    ['NUL in a name', '{"a":{"x\\u0000":1}}', [['a.x\0', /NUL/]]],
    ['NUL alone', '"\\u0000"', [['', /NUL/]]],
    ['an escaped high surrogate', '{"a":"\\ud83d"}', [['a', /surrogate/]]],
    ['an escaped low surrogate', '{"a":{"b":"\\udE00x"}}', [['a.b', /surrogate/]]],
    ['surrogates in the wrong order', '["\\ude00\\ud83d"]', [['[0]', /surrogate/]]],
    ['a raw lone surrogate', '{"a":"\ud83d"}', [['a', /surrogate/]]],
    ['a raw low surrogate in a name', '{"\ude00":1}', [['\ude00', /surrogate/]]],
    [
      'several things at once',
      '{"a":"\\u0000","b":1e999,"__proto__":1}',
      [
        ['b', /1e999/],
        ['a', /NUL/],
        ['__proto__', /name/],
      ],
    ],
  ]
  for (const [what, text, expected] of refused) {
    it(`refuses ${what} with 422 and its path`, () => {
      const found = complaints(text)
      assert.deepEqual(
        found.map(({ path }) => path),
        expected.map(([path]) => path),
      )
      for (const [index, [, reason]] of expected.entries()) assert.match(found[index]?.reason ?? '', reason)
    })
  }

  const malformed = [
    ...[
      '',
      ' ',
      '{',
      '[1,]',
      '{"a":1,}',
      "{'a':1}",
      '{a:1}',
      'undefined',
      'NaN',
      'Infinity',
      '-Infinity',
      '01',
      '+1',
      '.5',
    ],
    ...['1.', '0x10', '"\n"', '"\0"', '"\\x41"', '"\\u00g0"', '[1] 2', '\ufeff1', '// c\n1', '"abc', '1e', '{"a"}'],
  ]
  for (const text of malformed) {
    it(`refuses ${JSON.stringify(text)} with 400`, () => {
      const error = refusal(text)
      assert.deepEqual([error.status, error.code], [400, 'malformed_json'])
    })
  }

  it('answers a hostile body with a short list', () => {
    const texts = [
      `{"${'k'.repeat(500_000)}":[${Array.from({ length: 50_000 }, () => '"\\u0000"').join()}]}`,
      `{${Array.from({ length: 50_000 }, (_, n) => `"\\u0000${n}":${nested(64)}`).join()}}`,
      `[${Array.from({ length: 50_000 }, () => '9007199254740993').join()}]`,
    ]
    for (const text of texts) {
      const found = complaints(text)
      assert.equal(found.length, 50)
      assert.ok(JSON.stringify(found).length < 20_000)
    }
  })

  it('changes nothing of what it lets through', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), (text) => {
        let value: unknown
        try {
          value = parseStrictJson(text)
        } catch (error) {
          assert.ok(error instanceof ApiError && error.status === 422)
          return
        }
        assert.deepEqual(value, JSON.parse(text))
      }),
      { numRuns: 1_000 },
    )
  })
})

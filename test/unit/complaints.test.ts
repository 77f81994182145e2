import assert from 'node:assert/strict'
import { z } from 'zod'
import { complaintsOf, PLAIN } from '../../src/complaints.ts'

/** What is said of a value of the field `it`. */
function said(schema: z.ZodType, value: unknown): string[] {
  const parsed = z.strictObject({ it: schema }).safeParse({ it: value }, PLAIN)
  return parsed.success ? [] : complaintsOf(parsed.error).map(({ path, reason }) => `${path} ${reason}`)
}

describe('complaints', () => {
  const table: [z.ZodType, value: unknown, reason: string][] = [
    [z.string(), undefined, 'is required'],
    [z.enum(['a', 'b']), undefined, 'is required'],
    [z.string(), 7, 'must be a text'],
    [z.number(), '7', 'must be a number'],
    [z.int(), 1.5, 'must be a whole number'],
    [z.boolean(), 'yes', 'must be true or false'],
    [z.array(z.string()), 'a', 'must be a list'],
    [z.object({}), [], 'must be an object'],
    [z.record(z.string(), z.string()), [], 'must be an object'],
    [z.enum(['a', 'b']), 'c', 'must be one of a, b'],
    [z.literal('a'), 'c', 'must be a'],
    [z.string().min(1), '', 'must not be empty'],
    [z.string().min(3), 'ab', 'must have at least 3 characters'],
    [z.string().max(1), 'ab', 'must have at most 1 character'],
    [z.array(z.string()).min(1), [], 'must have at least one entry'],
    [z.array(z.string()).max(2), ['a', 'b', 'c'], 'must have at most 2 entries'],
    [z.number().min(0), -1, 'must be at least 0'],
    [z.number().max(1), 2, 'must be at most 1'],
    [z.number().positive(), 0, 'must be over 0'],
    [z.number().lt(5), 5, 'must be under 5'],
    [z.iso.datetime(), 'today', 'must be a time such as 2026-11-23T12:00:00Z'],
    [z.string().regex(/^a$/), 'b', 'is not of the right form'],
    [z.string().regex(/^a$/, 'must be an a'), 'b', 'must be an a'],
    [z.union([z.string(), z.number()]), true, 'is not valid'],
  ]
  for (const [schema, value, reason] of table) {
    it(`say "${reason}" of ${JSON.stringify(value) ?? 'what is missing'}`, () =>
      assert.deepEqual(said(schema, value), [`it ${reason}`]))
  }

  it('name unknown fields one by one, wherever they are', () => {
    const schema = z.strictObject({ inner: z.strictObject({}) })
    const { error } = schema.safeParse({ inner: { a: 1, b: 2 }, c: 3 }, PLAIN)
    assert.ok(error)
    assert.deepEqual(complaintsOf(error, ['query'], 'parameter'), [
      { path: 'query.inner.a', reason: 'is not a known parameter' },
      { path: 'query.inner.b', reason: 'is not a known parameter' },
      { path: 'query.c', reason: 'is not a known parameter' },
    ])
  })
})

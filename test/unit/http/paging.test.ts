import assert from 'node:assert/strict'
import { z } from 'zod'
import { page, pageQuery, timeQuery } from '../../../src/http/paging.ts'
import { uuidv7 } from '../../../src/ids.ts'

const Query = z.object(pageQuery)

describe('a page of a list', () => {
  const rows = (count: number) => Array.from({ length: count }, () => ({ id: uuidv7() }))

  it('ends with a cursor that leads to the row after it, if there is one', () => {
    const all = rows(4)
    const { rows: shown, next_cursor } = page(all, 3)
    assert.deepEqual(shown, all.slice(0, 3))
    assert.equal(Query.parse({ cursor: next_cursor }).cursor, all[2]?.id)
    for (const count of [0, 1, 3]) assert.equal(page(rows(count), 3).next_cursor, null)
  })

  it('has 1 to 100 rows, by default 20', () => {
    assert.deepEqual(
      [Query.parse({}).limit, Query.parse({ limit: '1' }).limit, Query.parse({ limit: '100' }).limit],
      [20, 1, 100],
    )
    for (const limit of ['0', '101', '-1', '1.5', '1e1', ' 1', '', 'x', ['1', '2']]) {
      assert.equal(Query.safeParse({ limit }).success, false, String(limit))
    }
  })

  it('takes no cursor but its own', () => {
    const encoded = (text: string) => Buffer.from(text).toString('base64url')
    for (const cursor of ['', 'x', uuidv7(), encoded(''), encoded(`${uuidv7()}'`), encoded(uuidv7().toUpperCase())]) {
      assert.equal(Query.safeParse({ cursor }).success, false, cursor)
    }
  })

  it('is cut to times in RFC 3339 with an offset', () => {
    const at = new Date('2026-11-23T12:00:00.000Z')
    for (const text of ['2026-11-23T12:00:00Z', '2026-11-23T12:00:00.000Z', '2026-11-23T14:00:00+02:00']) {
      assert.deepEqual(timeQuery.parse(text), at)
    }
    for (const text of ['2026-11-23', '2026-11-23T12:00:00', '2026-02-30T12:00:00Z', '1795435200', 'now', '']) {
      assert.equal(timeQuery.safeParse(text).success, false, text)
    }
  })
})

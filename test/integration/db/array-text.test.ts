import assert from 'node:assert/strict'
import { plainArray, textArray } from '../../../src/db/array-text.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'

describe('the text of an array', () => {
  let database: TestDatabase

  before(async () => {
    database = await createDatabase()
  })
  after(() => database.drop())

  const read = async (type: string, text: string) => {
    const [row] = await database.db.query<{ value: unknown }>({ text: `SELECT $1::${type} AS value`, values: [text] })
    return row?.value
  }

  it('is read by PostgreSQL as the texts it was made of', async () => {
    const odd = [
      '',
      ' ',
      'NULL',
      'null',
      null,
      '"',
      '\\',
      '\\"',
      '"\\\\"',
      '{}',
      '{"a": "b"}',
      ',',
      "'",
      '\n\t\x01\x1f',
      'é𐍈',
      'a b',
    ]
    assert.deepEqual(await read('text[]', textArray(odd)), odd)
    assert.deepEqual(await read('text[]', textArray([])), [])
  })

  it('needs no quotes for ids, times, numbers and truth values', async () => {
    const ids = ['01939b50-0000-7000-8000-000000000000', '01939b50-0000-7000-8000-000000000001']
    assert.deepEqual(await read('uuid[]', plainArray(ids)), ids)
    assert.deepEqual(await read('int[]', plainArray([1, -2, 0])), [1, -2, 0])
    assert.deepEqual(await read('boolean[]', plainArray([true, false])), [true, false])
    const times = ['2026-11-23T12:00:00.000Z', '0001-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z']
    const rows = await database.db.query<{ at: Date }>({
      text: 'SELECT unnest($1::timestamptz[]) AS at',
      values: [plainArray(times)],
    })
    const found = rows.map(({ at }) => at.toISOString())
    assert.deepEqual(found, times)
    assert.deepEqual(await read('uuid[]', plainArray([])), [])
  })
})

import assert from 'node:assert/strict'
import { createBlockedUsers } from '../../../src/identity/blocked-users.ts'

describe('the list of blocked users', () => {
  let now: number
  let asked: number
  let stored: string[]
  let away: boolean
  const db = {
    async query<Row>(): Promise<Row[]> {
      asked += 1
      if (away) throw new Error('away')
      return stored.map((user_id) => ({ user_id })) as Row[]
    },
  }
  let blocked: ReturnType<typeof createBlockedUsers>
  beforeEach(() => {
    ;[now, asked, stored, away] = [1_000_000, 0, ['mallory'], false]
    blocked = createBlockedUsers({ db, now: () => now })
  })

  it('is asked for once, however many want to know', async () => {
    const answers = await Promise.all(['mallory', 'alice', 'mallory'].map((user) => blocked.has(user)))
    assert.deepEqual(answers, [true, false, true])
    await blocked.has('alice')
    assert.equal(asked, 1)
  })

  it('is never older than 10 s', async () => {
    await blocked.has('alice')
    stored = ['alice']
    now += 9_999
    assert.deepEqual([await blocked.has('alice'), await blocked.has('mallory')], [true, false])
  })

  it('is asked for anew at once when it is to be forgotten', async () => {
    await blocked.has('alice')
    stored = ['alice']
    blocked.forget()
    assert.equal(await blocked.has('alice'), true)
  })

  it('stays what it was while PostgreSQL is away, which is asked once a second', async () => {
    await blocked.has('alice')
    away = true
    now += 5_000
    assert.deepEqual([await blocked.has('mallory'), await blocked.has('alice')], [true, false])
    assert.equal(asked, 2)
    now += 1_000
    ;[away, stored] = [false, []]
    assert.equal(await blocked.has('mallory'), false)
  })

  it('lets nobody in before it was ever read', async () => {
    away = true
    await assert.rejects(async () => blocked.has('alice'), /away/)
    away = false
    assert.equal(await blocked.has('alice'), false)
  })
})

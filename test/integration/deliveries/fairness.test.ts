import assert from 'node:assert/strict'
import { retryDelivery } from '../../../src/deliveries/retry-delivery.ts'
import { openFeederBench } from '../../support/feeder-bench.ts'

describe('the feeder is fair', () => {
  const bench = openFeederBench()
  const { owed, found, take, endAll } = bench

  describe('by the in-flight cap', () => {
    it('whatever comes in with an older time than what is in flight', async () => {
      const id = await owed(20)
      assert.equal((await take()).length, 8)
      await bench.db().query({
        text: "UPDATE due SET due_at = due_at - interval '1 minute' WHERE webhook_id = $1 AND NOT in_hand",
        values: [id],
      })
      assert.deepEqual(await take(), [])
    })

    it('whatever was written to the rows in flight since they were fed', async () => {
      await owed(300)
      await take()
      for (let times = 0; times < 20; times += 1)
        await bench.db().query({ text: 'UPDATE due SET worker = worker WHERE in_hand' })
      assert.deepEqual(await take(), [])
    })

    it('with several feeders at once, again and again', async () => {
      await owed(100)
      for (let rounds = 0; rounds < 5; rounds += 1) {
        const fed = (await Promise.all(Array.from({ length: 6 }, () => take()))).flat()
        assert.equal(fed.length, 8)
        assert.equal(new Set(fed.map(({ deliveryId }) => deliveryId)).size, 8)
        await endAll(fed.slice(0, 3))
        assert.equal((await take()).length, 3)
        await endAll(fed)
        await bench.db().query({ text: 'DELETE FROM due WHERE in_hand' })
      }
    })
  })

  describe('by the lane', () => {
    it('in: more than half of the last twenty slow; out: no longer', async () => {
      const id = await owed(20)
      await found(id, 10, { slow: true })
      assert.deepEqual(await lanes(1), ['quick'])
      await found(id, 1, { slow: true })
      assert.deepEqual(await lanes(1), ['slow'])
      await found(id, 9, { slow: false })
      assert.deepEqual(await lanes(1), ['slow'])
      await found(id, 1, { slow: false })
      assert.deepEqual(await lanes(1), ['quick'])
    })

    it('with room of its own: a full one holds back neither', async () => {
      const slow = await owed(5)
      const quick = await owed(5)
      await found(slow, 20, { slow: true })
      const fed = await take({ most: 3 })
      const per = (id: string) => fed.filter(({ webhookId }) => webhookId === id).length
      assert.deepEqual([per(slow), per(quick)], [3, 3])
    })

    async function lanes(most: number): Promise<string[]> {
      return (await take({ most })).map(({ lane }) => lane)
    }
  })

  describe('by the allowance of a user', () => {
    it('feeds so many a second over all webhooks of one user, and others all the same', async () => {
      await Promise.all([owed(8), owed(8), owed(8), owed(5, { user_id: 'bob' })])
      const fed = await take({ perUser: 10 })
      const webhooks = await bench.db().query<{ id: string }>({
        text: "SELECT id FROM webhooks WHERE user_id = 'bob'",
      })
      const bobs = fed.filter(({ webhookId }) => webhookId === webhooks[0]?.id)
      assert.deepEqual([fed.length, bobs.length], [15, 5])
      await counted("now() + interval '1 hour'")
      assert.equal((await take({ perUser: 10 })).length, 0)
      await counted("now() - interval '1 hour'")
      assert.equal((await take({ perUser: 10 })).length, 10)
    })

    const counted = (at: string) => bench.db().query({ text: `UPDATE attempt_allowances SET counted_at = ${at}` })

    it('neither holds back nor counts what a person asked for', async () => {
      const id = await owed(8)
      await take({ perUser: 4 })
      const rows = await bench.db().query<{ delivery_id: string }>({
        text: 'SELECT delivery_id FROM due WHERE NOT in_hand LIMIT 2',
      })
      for (const { delivery_id } of rows)
        await bench.db().transaction((sql) => retryDelivery(sql, { id, active: true }, delivery_id))
      assert.equal((await take({ perUser: 4 })).length, 2)
    })
  })
})

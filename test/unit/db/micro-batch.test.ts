import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { microBatch } from '../../../src/db/micro-batch.ts'
import { unavailable } from '../../../src/errors.ts'

describe('a micro-batch', () => {
  it('runs what comes together once and answers each caller its own result', async () => {
    const sizes: number[] = []
    const double = microBatch<number, number>({
      run: async (items) => items.map((item) => item * 2),
      windowMs: 2,
      maxSize: 100,
      onBatch: (size) => void sizes.push(size),
    })
    assert.deepEqual(await Promise.all([1, 2, 3].map(double)), [2, 4, 6])
    assert.deepEqual(sizes, [3])
  })

  it('never runs more at once than its limit', async () => {
    const sizes: number[] = []
    const echo = microBatch<number, number>({
      run: async (items) => {
        sizes.push(items.length)
        return items
      },
      windowMs: 1,
      maxSize: 4,
    })
    await Promise.all(Array.from({ length: 10 }, (_, index) => echo(index)))
    assert.deepEqual(sizes, [4, 4, 2])
  })

  it('starts another beside one that is slow, and lets what comes before that gather', async () => {
    const started: string[][] = []
    const finish: (() => void)[] = []
    const store = microBatch<string, string>({
      run: async (items) => {
        started.push([...items])
        await new Promise<void>((resolve) => finish.push(resolve))
        return items
      },
      windowMs: 1,
      maxSize: 100,
      maxAtOnce: 2,
      aloneMs: 400,
    })
    const until = async (batches: number) => {
      while (started.length < batches) await setTimeout(1)
    }
    const answers = [store('slow')]
    await until(1)
    const slowSince = performance.now()
    answers.push(store('early'))
    await setTimeout(10)
    answers.push(store('late'))
    await until(2)
    assert.ok(performance.now() - slowSince > 300, 'it was given its time')
    assert.deepEqual(started, [['slow'], ['early', 'late']])
    answers.push(store('third'))
    finish[1]?.()
    assert.deepEqual(await Promise.all(answers.slice(1, 3)), ['early', 'late'])
    await until(3)
    for (const done of finish) done()
    assert.deepEqual(await Promise.all(answers), ['slow', 'early', 'late', 'third'])
  })

  it('fails only the guilty item of a rejected batch', async () => {
    const stored: number[] = []
    const store = microBatch<number, string>({
      run: async (items) => {
        if (items.includes(13)) throw new Error('a bad row')
        stored.push(...items)
        return items.map(String)
      },
      windowMs: 1,
      maxSize: 100,
    })
    const results = await Promise.allSettled([11, 12, 13, 14, 15].map(store))
    assert.deepEqual(
      results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.message)),
      ['11', '12', 'a bad row', '14', '15'],
    )
    assert.deepEqual(stored.sort(), [11, 12, 14, 15])
  })

  it('tells everybody when the store is away and runs nothing again, since nobody knows what was stored', async () => {
    let runs = 0
    const lost = Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' })
    const store = microBatch<number, number>({
      run: async () => {
        runs += 1
        throw unavailable('The database is not available.', 2, lost)
      },
      windowMs: 1,
      maxSize: 100,
    })
    const results = await Promise.allSettled([1, 2, 3].map(store))
    assert.equal(runs, 1)
    assert.ok(results.every((result) => result.status === 'rejected' && result.reason.status === 503))
  })

  it('singles out an item that waits for a lock of somebody else', async () => {
    const locked = Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' })
    const store = microBatch<number, number>({
      run: async (items) => {
        if (items.includes(2)) throw unavailable('busy', 2, locked)
        return items
      },
      windowMs: 1,
      maxSize: 100,
    })
    const results = await Promise.allSettled([1, 2, 3].map(store))
    assert.deepEqual(
      results.map((result) => result.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
  })
})

import assert from 'node:assert/strict'
import { createUnderWay } from '../../../src/deliveries/under-way.ts'

/** Attempts that end when the test says so, on a clock of its own. */
function followed(mostWithoutPlace = 2) {
  let now = 0
  const slow: string[] = []
  const underWay = createUnderWay({
    slowMs: 2_000,
    mostWithoutPlace,
    now: () => now,
    onSlow: (webhookId) => void slow.push(webhookId),
  })
  return {
    underWay,
    slow,
    pass: (ms: number) => {
      now += ms
      underWay.sweep()
    },
    begin(id: string, webhookId: string | null = `webhook of ${id}`) {
      let end: (result: string | Error) => void = () => undefined
      const result = underWay.follow(
        id,
        () =>
          new Promise<string>((resolve, reject) => {
            end = (given) => (given instanceof Error ? reject(given) : resolve(given))
          }),
      )
      underWay.sent(id, webhookId)
      return { result, end: (given: string | Error) => end(given) }
    },
  }
}

describe('the attempts under way', () => {
  it('keep their places to their end while they are quick', async () => {
    const { underWay, slow, pass, begin } = followed()
    const one = begin('one')
    pass(1_999)
    one.end('success')
    assert.equal(await one.result, 'success')
    pass(10_000)
    assert.deepEqual([slow, underWay.leftTheirPlaces()], [[], 0])
  })

  it('fail as they fail', async () => {
    const { begin } = followed()
    const one = begin('one')
    one.end(new Error('away'))
    await assert.rejects(one.result, /away/)
  })

  it('leave their places once they are slow, and are told of once', async () => {
    const { underWay, slow, pass, begin } = followed()
    const one = begin('one')
    pass(2_000)
    assert.equal(await one.result, 'goes on without its place')
    pass(250)
    assert.deepEqual([slow, underWay.leftTheirPlaces(), underWay.isSlow('one')], [['webhook of one'], 1, true])
    one.end(new Error('ended where nobody waits any more'))
    await underWay.settled(1_000)
    assert.deepEqual([underWay.leftTheirPlaces(), underWay.isSlow('one')], [0, false])
  })

  it('leave only as many places as may be left, and the next when one has ended', async () => {
    const { underWay, slow, pass, begin } = followed(1)
    const [one, two] = [begin('one'), begin('two')]
    pass(2_000)
    assert.deepEqual([underWay.leftTheirPlaces(), slow.length], [1, 2])
    one.end('late')
    await underWay.settled(1_000)
    assert.equal(underWay.leftTheirPlaces(), 0)
    pass(0)
    assert.equal(await two.result, 'goes on without its place')
    two.end('later')
  })

  it('do not count before they are sent, nor say anything of a webhook that is only tested', async () => {
    const { underWay, slow, pass, begin } = followed()
    const test = begin('test', null)
    const queued = underWay.follow('queued', async () => 'claimed late')
    assert.equal(await queued, 'claimed late')
    pass(2_000)
    assert.equal(await test.result, 'goes on without its place')
    assert.deepEqual(slow, [])
    test.end('success')
  })

  it('are not waited for longer than the time given', async () => {
    const { underWay, pass, begin } = followed()
    const one = begin('one')
    pass(2_000)
    await underWay.settled(10)
    assert.equal(underWay.leftTheirPlaces(), 1)
    one.end('late')
  })
})

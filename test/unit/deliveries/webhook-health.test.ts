import assert from 'node:assert/strict'
import { afterDuration, laneOf } from '../../../src/deliveries/lane.ts'
import {
  afterFinding,
  type Finding,
  type HealthRules,
  isWell,
  WELL,
  type WebhookHealth,
} from '../../../src/deliveries/webhook-health.ts'

const RULES: HealthRules = {
  breaker: { failures: 2, windowMs: 60_000, probeEveryMs: 30_000, cap: 20 },
  lane: { slowMs: 2_000, sample: 20 },
}

describe('the lane', () => {
  /** `1` took longer than two seconds. */
  const lanes = (marks: string) => {
    let durations = ''
    return [...marks].map((mark) => {
      durations = afterDuration(RULES.lane, durations, mark === '1')
      return laneOf(RULES.lane, durations)
    })
  }

  it('is the quick one of a webhook of which nothing is known', () => assert.equal(laneOf(RULES.lane, ''), 'quick'))

  it('turns slow when the median of the last twenty does, the unknown counting as quick', () => {
    assert.deepEqual(lanes('1'.repeat(11)), [...Array(10).fill('quick'), 'slow'])
    assert.equal(lanes('10'.repeat(50)).at(-1), 'quick')
    assert.equal(lanes(`${'0'.repeat(40)}${'1'.repeat(11)}`).at(-1), 'slow')
  })

  it('turns quick when the median does', () => {
    const back = lanes('1'.repeat(20) + '0'.repeat(10))
    assert.deepEqual(back.slice(-2), ['slow', 'quick'])
  })

  it('looks at the last twenty only', () => assert.equal(afterDuration(RULES.lane, '1'.repeat(20), false).length, 20))
})

describe('the health of a webhook', () => {
  const found = (findings: Omit<Finding, 'at'>[], from: WebhookHealth = WELL) =>
    findings.reduce((health, finding) => afterFinding(RULES, health, { at: 1_000, ...finding }, 0), from)

  it('follows breaker and lane at once', () => {
    const health = found(Array.from({ length: 11 }, () => ({ failed: true, slow: true })))
    assert.deepEqual([health.breaker.state, health.lane], ['open', 'slow'])
  })

  it('takes from a slow attempt its duration first and its end later', () => {
    const slow = found([{ slow: true }])
    assert.deepEqual([slow.breaker, slow.durations], [WELL.breaker, '1'])
    const ended = found([{ failed: true }], slow)
    assert.deepEqual(
      [ended.breaker, ended.durations],
      [{ state: 'closed', outcomes: [{ at: 1_000, failed: true }] }, '1'],
    )
  })

  const well: [subject: string, health: WebhookHealth, now: number, expected: boolean][] = [
    ['nothing was wrong', WELL, 1_000, true],
    ['something failed within the window', found([{ failed: true }]), 2_000, false],
    ['what failed is out of the window', found([{ failed: true }]), 61_000, true],
    ['an attempt of the sample was slow', found([{ slow: true }]), 900_000, false],
    ['the sample is quick again', found([{ slow: true }, ...Array(20).fill({ slow: false })]), 1_000, true],
    ['its breaker is open', found([{ failed: true }, { failed: true }]), 900_000, false],
    ['it ramps', found([{ failed: true }, { failed: true }, { failed: false }]), 1_000, false],
  ]
  for (const [subject, health, now, expected] of well) {
    it(`${expected ? 'need not be kept' : 'is kept'} when ${subject}`, () =>
      assert.equal(isWell(RULES, health, now), expected))
  }
})

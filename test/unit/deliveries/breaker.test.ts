import assert from 'node:assert/strict'
import { afterOutcome, type Breaker, type BreakerRules, CLOSED } from '../../../src/deliveries/breaker.ts'

const RULES: BreakerRules = { failures: 3, windowMs: 60_000, probeEveryMs: 30_000, cap: 8 }

/** `x` failed and `.` succeeded, one each `everyMs`, the last at `at`. */
function ended(breaker: Breaker, marks: string, { at = 100_000, everyMs = 1_000, random = 0, rules = RULES } = {}) {
  return [...marks].reduce((current, mark, place) => {
    const outcome = { at: at - (marks.length - 1 - place) * everyMs, failed: mark === 'x' }
    return afterOutcome(rules, current, outcome, random)
  }, breaker)
}

const open: Breaker = { state: 'open', probeAt: 90_000 }
const probing: Breaker = { state: 'probing', probeAt: 120_000 }
const ramping = (limit: number, successes = 0): Breaker => ({ state: 'ramping', limit, successes })
const opened: Breaker = { state: 'open', probeAt: 130_000 }

describe('the breaker', () => {
  const table: [subject: string, from: Breaker, marks: string, to: Breaker][] = [
    ['opens at so many failures in a row', CLOSED, 'xxx', opened],
    ['opens when half of the latest attempts failed', CLOSED, 'x.x.x', opened],
    ['opens whatever succeeded before', CLOSED, '.........xxx', opened],
    ['is not put off by what was under way when it opened', open, 'xxxxx', open],
    ['ramps when something succeeds although it is open', open, '.', ramping(1)],
    ['opens again when the probe fails', probing, 'x', opened],
    ['ramps from one when the probe succeeds', probing, '.', ramping(1)],
    ['takes the step from one to two after one success', ramping(1), '.', ramping(2)],
    ['stays at two until both have succeeded', ramping(2), '.', ramping(2, 1)],
    ['takes the step from two to four', ramping(2), '..', ramping(4)],
    ['is closed once the ramp is back at the cap', ramping(4), '....', CLOSED],
    ['is closed after all steps', probing, `.${'.'.repeat(1 + 2 + 4)}`, CLOSED],
    ['halves the ramp at a failure', ramping(4, 3), 'x', ramping(2)],
    ['halves the ramp down to one', ramping(4), 'xx', ramping(1)],
    ['opens again at a failure at one', ramping(1), 'x', opened],
    ['opens again when all of the ramp fails', ramping(4), 'xxx', opened],
  ]
  for (const [subject, from, marks, to] of table) {
    it(subject, () => assert.deepEqual(ended(from, marks), to))
  }

  it('stays closed with one failure less', () => assert.equal(ended(CLOSED, 'xx').state, 'closed'))

  it('stays closed when the failures are further apart than the window', () => {
    assert.equal(ended(CLOSED, 'x'.repeat(20), { everyMs: 30_001 }).state, 'closed')
    assert.equal(ended(CLOSED, 'xxx', { everyMs: 29_999 }).state, 'open')
  })

  it('stays closed for a busy receiver that fails less often than it succeeds', () => {
    assert.equal(ended(CLOSED, 'x..'.repeat(50), { everyMs: 1 }).state, 'closed')
  })

  it('keeps only as many outcomes as it looks at', () => {
    const breaker = ended(CLOSED, '.'.repeat(100))
    assert.ok(breaker.state === 'closed')
    assert.equal(breaker.outcomes.length, 6)
  })

  it('spreads the probes of those that opened together over a fifth of the time', () => {
    assert.deepEqual(ended(CLOSED, 'xxx', { random: 0.5 }), { state: 'open', probeAt: 133_000 })
    assert.deepEqual(ended(probing, 'x', { random: 0.999 }), { state: 'open', probeAt: 100_000 + 35_994 })
  })

  it('has no ramp where the cap is one', () => {
    assert.deepEqual(ended(probing, '.', { rules: { ...RULES, cap: 1 } }), CLOSED)
  })

  it('leads past a cap that is no power of two', () => {
    assert.deepEqual(ended(ramping(4), '....', { rules: { ...RULES, cap: 5 } }), CLOSED)
    assert.deepEqual(ended(ramping(2), '..', { rules: { ...RULES, cap: 5 } }), ramping(4))
  })
})

import assert from 'node:assert/strict'
import { alertEvent } from '../../../src/demo/announcements.ts'
import { createBudget } from '../../../src/demo/budget.ts'
import { divide } from '../../../src/demo/feed.ts'
import { loadPrices } from '../../../src/demo/prices.ts'
import { replay, type Turn } from '../../../src/demo/replay.ts'

describe('what the demo feed publishes', () => {
  it('makes two events a second over the long run, at the default pace and at the highest', () => {
    for (const stepsPerSecond of [2, 1000]) {
      let now = 0
      const budget = createBudget({ perSecond: 2, burst: 4, now: () => now })
      const steps = replayOfRealPrices()
      let events = 0
      for (let step = 0; step < 4000; step += 1) {
        events += divide(steps.next().value, budget.take).events.length
        now += 1000 / stepsPerSecond
      }
      assert.ok(events <= (2 * 4000) / stepsPerSecond + 4, `${events} events at ${stepsPerSecond} steps a second`)
    }
  })

  it('streams every bar and every forecast, and sends an alert before a forecast takes the budget', () => {
    const turns = takeTurns((turn) => alertEvent(turn) !== null)
    let left = 1
    const { messages, events } = divide(turns, () => left-- > 0)
    assert.deepEqual(
      events.map(({ event }) => event.event_type),
      ['alert_triggered'],
    )
    assert.deepEqual(
      messages.map(({ channel, symbol }) => `${channel}/${symbol}`),
      turns
        .flatMap(({ series }) => [`market-data/${series.symbol}`])
        .concat(turns.map((turn) => `predictions/${turn.series.symbol}`)),
    )
  })

  it('says in all its data that it is a demo, which source and which round', () => {
    const turns = takeTurns((turn) => alertEvent(turn) !== null)
    const { messages, events } = divide(turns, () => true)
    for (const data of [...messages.map((message) => message.data), ...events.map(({ event }) => event.data)]) {
      assert.equal(data['demo'], true)
      assert.match(String(data['source']), /^vega-datasets /)
      assert.equal(data['replay'], 1)
      assert.match(String(data['date']), /^\d{4}-\d{2}-\d{2}$/)
    }
  })

  it('names the forecaster, and the threshold of an alert', () => {
    const turns = takeTurns((turn) => alertEvent(turn) !== null)
    const { events } = divide(turns, () => true)
    const alert = events.find(({ event }) => event.event_type === 'alert_triggered')?.event.data ?? {}
    const prediction = events.find(({ event }) => event.event_type === 'prediction_complete')?.event.data ?? {}
    assert.equal(prediction['model_version'], 'holt-linear-baseline-1')
    assert.ok(Math.abs(Number(alert['actual_value'])) >= Number(alert['threshold_value']))
    assert.match(String(alert['message']), /moved [+-]\d+\.\d % in the (day|month) of .* \(demo replay\)/)
  })
})

function replayOfRealPrices() {
  const prices = loadPrices()
  assert.ok(prices.found)
  return replay(prices.daily, prices.monthly)
}

/** The first step in which a share's turn is as wanted. */
function takeTurns(wanted: (turn: Turn) => boolean): readonly Turn[] {
  for (const turns of replayOfRealPrices()) {
    if (turns.some((turn) => turn.series.interval === '1mo' && wanted(turn))) return turns
  }
  throw new Error('unreachable: the replay has no end')
}

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Forecaster, forecastNext, newForecaster, observe } from '../../../src/demo/forecaster.ts'

const prices = fc.array(fc.double({ min: 0.01, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 120 })

describe('the baseline forecaster', () => {
  it('says nothing before the first price', () => {
    assert.equal(forecastNext(newForecaster), null)
  })

  it('forecasts the same from the same past, whatever comes after', () => {
    fc.assert(
      fc.property(prices, prices, prices, (past, oneFuture, otherFuture) => {
        const duringOne = trace([...past, ...oneFuture])
        const duringOther = trace([...past, ...otherFuture])
        assert.deepEqual(duringOne.slice(0, past.length), duringOther.slice(0, past.length))
      }),
    )
  })

  it('leaves the forecaster it was given unchanged', () => {
    const before = having([100, 101, 99, 104])
    const copy = structuredClone(before)
    observe(before, 250)
    assert.deepEqual(before, copy)
  })

  it('finds a steady growth and is then nearly sure', () => {
    const forecast = forecastNext(having(Array.from({ length: 200 }, (_, day) => 100 * 1.01 ** day)))
    assert.ok(forecast)
    assert.ok(Math.abs(forecast.predicted_return - 0.01) < 1e-4, `predicted ${forecast.predicted_return}`)
    assert.ok(forecast.confidence > 0.95, `confidence ${forecast.confidence}`)
  })

  it('has little confidence when its direction was always wrong', () => {
    let forecaster = having([100, 101])
    for (let bar = 0; bar < 100; bar += 1) {
      const forecast = forecastNext(forecaster)
      assert.ok(forecast)
      forecaster = observe(forecaster, forecast.current_price * (forecast.predicted_return > 0 ? 0.999 : 1.001))
    }
    assert.ok((forecastNext(forecaster)?.confidence ?? 1) < 0.05)
  })

  it('starts at a confidence of one half', () => {
    assert.equal(forecastNext(having([100]))?.confidence, 0.5)
  })

  it('gives bounds only after enough errors, and then around its forecast', () => {
    const few = forecastNext(having([100, 101, 102]))
    const more = forecastNext(having([100, 103, 101, 108, 104, 110, 107, 115, 111, 117, 112]))
    assert.ok(few && more)
    assert.equal(few.lower_bound, undefined)
    assert.ok((more.lower_bound ?? Number.NaN) < more.predicted_price)
    assert.ok((more.upper_bound ?? Number.NaN) > more.predicted_price)
  })

  it('keeps its forecast inside what the catalogue allows', () => {
    fc.assert(
      fc.property(prices, (past) => {
        const forecast = forecastNext(having(past))
        assert.ok(forecast)
        assert.ok(forecast.confidence > 0 && forecast.confidence < 1)
        assert.ok(Number.isFinite(forecast.predicted_price) && Number.isFinite(forecast.predicted_return))
        assert.ok(forecast.predicted_price >= 0)
      }),
    )
  })
})

function having(past: readonly number[]): Forecaster {
  return past.reduce(observe, newForecaster)
}

/** The forecast made after each price. */
function trace(all: readonly number[]) {
  let forecaster = newForecaster
  return all.map((price) => {
    forecaster = observe(forecaster, price)
    return forecastNext(forecaster)
  })
}

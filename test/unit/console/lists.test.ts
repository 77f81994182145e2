import assert from 'node:assert/strict'
import type { DeliveryAttempt } from '../../../client/src/index.ts'
import type { Overview } from '../../../console/src/api/shapes.ts'
import { type DeliveryList, passes, sinceOf, withAttempt } from '../../../console/src/views/deliveries/delivery-list.ts'
import { type Sample, withSample } from '../../../console/src/views/operations/series.ts'
import { readHeaders, readSymbols } from '../../../console/src/views/webhooks/new-webhook.ts'

const ANY = { status: '', event_type: '', since: '' }

function attempt(id: string, status: DeliveryAttempt['status'], event_type = 'model_trained'): DeliveryAttempt {
  return { id, status, event_type, created_at: '2026-11-25T12:00:00.000Z' } as DeliveryAttempt
}

describe('lists that news come into', () => {
  const list: DeliveryList = { deliveries: [attempt('dlv_2', 'retrying'), attempt('dlv_1', 'failed')], next: 'more' }

  it('take a new delivery at its place and a known one where it is', () => {
    const grown = withAttempt(withAttempt(list, attempt('dlv_3', 'success'), ANY), attempt('dlv_1', 'success'), ANY)
    assert.deepEqual(
      grown.deliveries.map(({ id, status }) => `${id} ${status}`),
      ['dlv_3 success', 'dlv_2 retrying', 'dlv_1 success'],
    )
    assert.equal(grown.next, 'more')
  })

  it('leave out what does not pass the filter any more', () => {
    const filtered = withAttempt(list, attempt('dlv_2', 'success'), { ...ANY, status: 'retrying' })
    assert.deepEqual(
      filtered.deliveries.map(({ id }) => id),
      ['dlv_1'],
    )
    assert.equal(passes(attempt('dlv_9', 'success'), { ...ANY, event_type: 'system_error' }), false)
    assert.equal(
      passes(attempt('dlv_9', 'success'), { ...ANY, since: '1' }),
      Date.parse('2026-11-25T12:00:00Z') > Date.now() - 3_600_000,
    )
  })

  it('begin at a whole minute, so that the question stays the same for that long', () => {
    assert.equal(sinceOf('1', Date.parse('2026-11-25T12:00:59.500Z')), '2026-11-25T11:00:00.000Z')
    assert.equal(sinceOf(''), undefined)
  })
})

describe('the rates of the overview', () => {
  const at = (second: number, events: number, id = 'one') =>
    ({
      timestamp: new Date(second * 1000).toISOString(),
      lanes_waiting: { quick: 2, slow: null, alone: 1 },
      attempts: { per_second: 3, p50_ms: null },
      process: { id, events, messages: 0, requests: 0 },
    }) as unknown as Overview

  it('are told between two answers of one process only', () => {
    let samples: readonly Sample[] = withSample([], null, at(10, 100))
    samples = withSample(samples, at(10, 100), at(12, 150))
    samples = withSample(samples, at(12, 150), at(14, 7, 'another'))
    assert.deepEqual(
      samples.map(({ events }) => events),
      [null, 25, null],
    )
    assert.equal(samples[0]?.waiting, 3)
  })
})

describe('what is typed for a webhook', () => {
  it('are symbols with any space or comma between them', () => {
    assert.deepEqual(readSymbols(' aapl, ^gspc\nMSFT,'), ['AAPL', '^GSPC', 'MSFT'])
  })

  it('are headers, one a line', () => {
    assert.deepEqual(readHeaders('X-Team: desk\n\nX-Url: https://a.example:80\n'), {
      'X-Team': 'desk',
      'X-Url': 'https://a.example:80',
    })
    assert.throws(() => readHeaders('nothing'), /"nothing" is no header/)
  })
})

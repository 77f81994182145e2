import assert from 'node:assert/strict'
import type { Answer } from '../../support/web-system.ts'

/** Asserts that an answer is the envelope of one error and nothing else. */
export function assertEnvelope(answer: Answer, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.body?.error], [status, code], answer.text)
  assert.deepEqual(Object.keys(answer.body), ['error', 'message', 'details', 'timestamp', 'request_id'])
  const { message, details, timestamp, request_id } = answer.body
  assert.match(message, /^\S/)
  assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000)
  assert.equal(request_id, answer.headers.get('x-request-id'))
  assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
  if (status === 422 && code === 'validation_failed') {
    assert.ok(details.length > 0)
    for (const detail of details) assert.deepEqual(Object.keys(detail), ['path', 'reason'])
  } else assert.equal(details, null)
}

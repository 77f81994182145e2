import assert from 'node:assert/strict'
import { serverFrameExamples } from '../../src/sockets/frame-examples.ts'
import { type ServerFrameType, serverFrames } from '../../src/sockets/server-frames.ts'

/**
 * Fails for a frame of a type, or with a field, that the document of the streams does not have. Data is left out of it: what
 * tests publish behind the back of the API has not been validated.
 */
export function documentedFrame<Frame extends { type: string }>(frame: Frame): Frame {
  assert.ok(Object.hasOwn(serverFrames, frame.type), `${frame.type} is not documented`)
  const type = frame.type as ServerFrameType
  const { data } = serverFrameExamples[type] as { data?: unknown }
  const shown = 'data' in frame ? { ...frame, data } : frame
  assert.deepEqual(serverFrames[type].parse(shown), shown)
  return frame
}

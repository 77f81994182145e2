import assert from 'node:assert/strict'
import { type Forwardable, forward } from '../../../src/cli/listen/forward.ts'
import { freePort } from '../../support/ports.ts'
import { startTestReceiver } from '../../support/receiver.ts'

/** One of those that browsers, and so `fetch`, connect to never. */
const FORBIDDEN_PORT = 10080

const ITEM: Forwardable = {
  ...{ id: 'dlv_1', eventId: 'evt_1', eventType: 'system_error', createdAt: 0, body: '{}', test: false },
}

describe('forwarding to a local server', () => {
  const target = (port: number, onWait: () => void = () => undefined) => ({
    ...{ url: `http://127.0.0.1:${port}/hook`, secret: 'a-secret-of-the-tests', style: 'canonical' as const },
    ...{ signal: new AbortController().signal, onWait },
  })

  it('reaches any port, also those that fetch forbids', async () => {
    const local = await startTestReceiver({ port: FORBIDDEN_PORT })
    try {
      const { status, error } = await forward(target(FORBIDDEN_PORT), ITEM)
      assert.deepEqual([status, error, local.received.length], [200, null, 1])
    } finally {
      await local.close()
    }
  })

  it('tells once that it waits for one that is not there yet', async () => {
    const port = await freePort()
    let told = 0
    const forwarded = forward(
      target(port, () => {
        told += 1
      }),
      ITEM,
    )
    const local = await startTestReceiver({ port })
    try {
      assert.equal((await forwarded).status, 200)
      assert.equal(told, 1)
    } finally {
      await local.close()
    }
  })
})

import assert from 'node:assert/strict'
import { type Client, startClient } from '../../../bench/fanout/client.ts'
import { PEERS_BY_KEY } from '../../../bench/fanout/peers.ts'

/** uWebSockets.js alone: what a client counts wrongly shows here. */
const server = PEERS_BY_KEY['uws-tick']

describe("the fan-out bench's client", () => {
  for (const kind of ['C', 'JavaScript'] as const) {
    it(`counts every message of every socket once, written in ${kind}`, async () => {
      const [running, client] = await Promise.all([server?.start(), startClient(kind)])
      assert.ok(running)
      try {
        client.speak(running.wire, running.ports, 4)
        const opened = await client.open(40)
        assert.equal(opened.opened, 40)
        assert.ok(opened.ms > 0)
        const run = await client.run(100, 0.5)
        assert.deepEqual(pick(run), { sent: 50, failed: false, expected: 500, received: 500, missing: 0, repeated: 0 })
        assert.ok(run.p50Us > 0 && run.p50Us <= run.p99Us && run.p99Us <= run.maxUs, JSON.stringify(run))
        assert.equal(run.open, 40)
      } finally {
        await Promise.all([client.stop(), running.stop()])
      }
    })

    it(`leaves out of its counts who reads nothing, written in ${kind}`, async () => {
      const [running, client] = await Promise.all([server?.start(), startClient(kind)])
      assert.ok(running)
      try {
        client.speak(running.wire, running.ports, 1)
        assert.equal((await client.open(20, 2)).opened, 20)
        const run = await client.run(100, 0.5)
        assert.deepEqual(pick(run), { sent: 50, failed: false, expected: 900, received: 900, missing: 0, repeated: 0 })
        await client.close()
        assert.equal((await client.open(5)).opened, 5)
      } finally {
        await Promise.all([client.stop(), running.stop()])
      }
    })
  }
})

function pick({ sent, failed, expected, received, missing, repeated }: Awaited<ReturnType<Client['run']>>) {
  return { sent, failed, expected, received, missing, repeated }
}

import assert from 'node:assert/strict'
import { eventually } from '../support/eventually.ts'
import { type ProcfileSystem, startProcfileSystem } from '../support/procfile-system.ts'
import { connectClient, openClient, type StreamClient } from '../support/stream-client.ts'

/** Enough that both processes, which share the port, have some of each. */
const SOCKETS = 12
/** It is 10 s on a machine that has time; here others run beside. */
const OBEYED_MS = 30_000

describe('two web processes', () => {
  let system: ProcfileSystem
  before(async () => {
    system = await startProcfileSystem({ webs: 2, workers: 0 })
  })
  after(() => system?.stop())

  const url = (token: string) => `ws://${system.host}/ws/alerts?token=${token}`
  // Again after a 4500, as any client would: a machine under load may keep Redis waiting.
  const openOne = (token: string) => eventually(() => connectClient(url(token)), { timeoutMs: 30_000 })
  const open = (token: string) => Promise.all(Array.from({ length: SOCKETS }, () => openOne(token)))
  const codesOf = async (clients: StreamClient[]) =>
    new Set((await Promise.all(clients.map((client) => client.ended))).map(({ code }) => code))

  it('cut off who is blocked and whose key is revoked or rotated, within seconds on REST and streams', async () => {
    const [admin, mallory, erin] = [
      system.token('root', 'admin'),
      system.token('mallory', 'user'),
      system.token('erin', 'user'),
    ]
    const makeKey = () => system.call<{ id: string; key: string }>('POST', '/api/v1/auth/api-keys', erin, { name: 'k' })
    const [revoked, rotated] = [await makeKey(), await makeKey()]
    const cut = await Promise.all([mallory, revoked.key, rotated.key].map(open))
    const stays = await open(erin)
    const began = performance.now()
    await Promise.all([
      system.call('PUT', '/api/v1/users/mallory/block', admin),
      system.call('DELETE', `/api/v1/auth/api-keys/${revoked.id}`, erin),
      system.call('POST', `/api/v1/auth/api-keys/${rotated.id}/rotate`, erin),
    ])
    assert.deepEqual(await codesOf(cut.flat()), new Set([4401]))
    // Each connection is a new one, and so reaches either process.
    await eventually(
      async () => {
        const statuses = await Promise.all(Array.from({ length: SOCKETS }, () => statusOf(mallory)))
        assert.deepEqual(new Set(statuses), new Set([403]))
      },
      { timeoutMs: OBEYED_MS },
    )
    assert.ok(performance.now() - began < OBEYED_MS, `${performance.now() - began} ms`)
    assert.equal((await openClient(url(mallory)).ended).code, 4403)
    await system.call('DELETE', '/api/v1/users/mallory/block', admin)
    await eventually(
      async () => {
        const statuses = await Promise.all(Array.from({ length: SOCKETS }, () => statusOf(mallory)))
        assert.deepEqual(new Set(statuses), new Set([200]))
      },
      { timeoutMs: OBEYED_MS },
    )
    await Promise.all(stays.map(async (client) => assert.equal((await client.close()).code, 1005)))
  })

  async function statusOf(token: string): Promise<number> {
    const headers = { authorization: `Bearer ${token}`, connection: 'close' }
    return (await fetch(`${system.base}/api/v1/auth/me`, { headers })).status
  }
})

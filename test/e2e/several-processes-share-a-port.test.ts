import assert from 'node:assert/strict'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.ts'
import { type ProcfileSystem, startProcfileSystem } from '../support/procfile-system.ts'

const SOCKETS = 24
const MESSAGES = 200

interface Listening {
  socket: WebSocket
  frames: { type: string; seq: number }[]
}

describe('two web and two worker processes on one PostgreSQL and one Redis', function () {
  this.timeout(120_000)

  let system: ProcfileSystem
  const listening: Listening[] = []
  before(async () => {
    system = await startProcfileSystem({ webs: 2, workers: 2, settings: { STREAMS_ANONYMOUS: 'market-data' } })
  })
  afterEach(() => {
    for (const { socket } of listening.splice(0)) socket.terminate()
  })
  after(() => system?.stop())

  it('bring each message to the sockets of both, in one numbering, whichever took it', async () => {
    for (let index = 0; index < SOCKETS; index += 1) listening.push(await listen())
    const producer = system.token('feed', 'producer')
    for (let price = 1; price <= MESSAGES; price += 1) {
      // Each on a connection of its own, so that the kernel deals them out to both processes.
      await publish(producer, price)
    }
    for (const { frames } of listening) {
      await eventually(() => frames.at(-1)?.seq === MESSAGES)
      const numbers = frames.filter(({ type }) => type === 'market_data_update').map(({ seq }) => seq)
      assert.deepEqual(
        numbers,
        Array.from({ length: MESSAGES }, (_, index) => index + 1),
      )
    }
    const shares = await Promise.all(system.webs.map(async (web) => finishedRequests(web.output())))
    assert.ok(
      shares.every((count) => count > 0),
      `both processes took requests: ${shares}`,
    )
  })

  it('show the queues on Redis in the board, to an admin', async () => {
    const headers = { authorization: `Bearer ${system.token('root', 'admin')}` }
    const response = await fetch(`${system.base}/admin/queues/api/queues?activeQueue=deliveries&page=1`, { headers })
    assert.equal(response.status, 200)
    const { queues } = (await response.json()) as { queues: { name: string }[] }
    assert.deepEqual(
      queues.map(({ name }) => name),
      ['deliveries', 'deliveries-slow', 'deliveries-alone'],
    )
  })

  it('close the sockets of one that is stopped with 4501 and a time to come back, while the other goes on', async () => {
    for (let index = 0; index < SOCKETS; index += 1) listening.push(await listen())
    const closed: { code: number; reason: string }[] = []
    for (const { socket } of listening) {
      socket.on('close', (code, reason) => closed.push({ code, reason: String(reason) }))
    }
    const [stopping, staying] = system.webs
    await stopping?.kill('SIGTERM')
    assert.equal(await stopping?.ended(), 0)
    await eventually(() => closed.length > 0)
    assert.ok(closed.length < SOCKETS, 'the other process keeps its own')
    for (const { code, reason } of closed) {
      assert.equal(code, 4501)
      assert.ok(JSON.parse(reason).retry_after_ms > 0)
    }
    assert.equal(staying?.running(), true)
    assert.equal((await fetch(`${system.base}/health/ready`)).status, 200)
  })

  async function listen(): Promise<Listening> {
    const socket = new WebSocket(`ws://${system.host}/ws/market-data/AAPL?snapshot=false`)
    const frames: Listening['frames'] = []
    socket.on('message', (frame) => frames.push(JSON.parse(String(frame))))
    await eventually(() => frames[0]?.type === 'connected')
    return { socket, frames }
  }

  async function publish(token: string, price: number): Promise<void> {
    const response = await fetch(`${system.base}/api/v1/publish`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ messages: [{ channel: 'market-data', symbol: 'AAPL', data: { price } }] }),
    })
    assert.equal(response.status, 202, await response.text())
  }
})

function finishedRequests(log: string): number {
  return log.split('\n').filter((line) => line.includes('/api/v1/publish') && line.includes('request.finished')).length
}

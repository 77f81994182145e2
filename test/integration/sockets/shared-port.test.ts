import assert from 'node:assert/strict'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/ports.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { range } from '../../support/stream-backplane.ts'
import { openClient, type StreamClient } from '../../support/stream-client.ts'
import { startWebProcess, type WebProcess } from '../../support/stream-web-process.ts'

describe('two web processes on one port, sharing one Redis', () => {
  let redis: TestRedis
  let processes: WebProcess[]
  before(async () => {
    redis = await startRedis()
    const env = { REDIS_URL: redis.url, PORT: String(await freePort()) }
    processes = await Promise.all([startWebProcess(env), startWebProcess(env)])
  })
  after(async () => {
    await Promise.all(processes.map((one) => one.stop()))
    await redis.stop()
  })

  it('bring what each publishes to the sockets of both, numbered as one stream, while sockets join', async () => {
    const url = `${processes[0]?.url}/ws/market-data/AAPL`
    const published = processes.map((one) => one.publish('AAPL', 3000, { perSecond: 2000 }))
    const clients: StreamClient[] = []
    for (let n = 0; n < 40; n += 1) {
      const client = openClient(url)
      await client.next('connected')
      clients.push(client)
    }
    assert.deepEqual(
      processes.map((one) => one.port),
      [processes[0]?.port, processes[0]?.port],
    )
    const sockets = await Promise.all(processes.map((one) => one.sockets()))
    assert.ok(
      sockets.every((count) => count > 0),
      `sockets of each process: ${sockets}`,
    )
    await Promise.all(published)
    for (const { frames, numbers, close } of clients) {
      const from = frames[0]?.seq ?? -1
      await eventually(() => assert.equal(numbers().at(-1) ?? from, 6000))
      assert.deepEqual(numbers(), range(from + 1, 6000))
      await close()
    }
    const publishers = new Set(clients[0]?.frames.map(({ data }) => (data as { by: number } | undefined)?.by))
    for (const { pid } of processes) assert.ok(publishers.has(pid))
    const epochs = new Set(clients.map(({ frames }) => frames[0]?.['epoch']))
    assert.equal(epochs.size, 1)
  })
})

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { Redis } from 'ioredis'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { churn } from '../../support/stream-churn.ts'
import { startWebProcess, type WebProcess } from '../../support/stream-web-process.ts'

/** `npm run test:sockets` has 50,000. */
const OPENS = Number(process.env['SOCKETS_OPENED'] ?? 2_000)
/** Until caches and buffers have their size. */
const WARM_UP = Math.ceil(OPENS / 4)
/** A leak of 1 KB a socket would be more in the long form; the short one only finds large ones. */
const NOISE_BYTES = 16 * 1024 * 1024

/** uWebSockets.js gives a head about ten seconds in all, however its bytes come. */
const DRIBBLED = ['', 'GET /ws/alerts HTTP/1.1\r\nHost: x\r\nX-A: ']

describe(`${OPENS} sockets that come and go`, () => {
  let redis: TestRedis
  let web: WebProcess
  before(async () => {
    redis = await startRedis()
    web = await startWebProcess({ REDIS_URL: redis.url, SOCKETS_PER_USER: '2' })
  })
  after(async () => {
    await web?.stop()
    await redis.stop()
  })

  it('leave counters, leases and memory where they were, while those who dribble a handshake are hung up on', async () => {
    const dribblers = Promise.all(DRIBBLED.map((head) => untilHungUp(web.port, head)))
    const commands = new Redis(redis.url)
    const atRest = () =>
      eventually(
        async () => {
          assert.deepEqual(await web.counters(), { sockets: 0, streams: 0, errors: 0 })
          assert.deepEqual(await commands.keys('ara:{sockets}:user:*'), [])
        },
        { timeoutMs: 30_000 },
      )
    await churn(web, WARM_UP)
    await atRest()
    const before = await web.memory()
    await churn(web, OPENS)
    await atRest()
    const grown = (await web.memory()) - before
    assert.ok(grown < NOISE_BYTES, `${Math.round(grown / 1024)} KiB more than before`)
    commands.disconnect()
    await dribblers
  })
})

/** A byte a second until the other side ends it. */
function untilHungUp(port: number, head: string): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(head)
  const timer = setInterval(() => head !== '' && socket.write('x'), 1_000)
  return new Promise((resolve) => {
    socket.resume().on('close', () => {
      clearInterval(timer)
      resolve()
    })
  })
}

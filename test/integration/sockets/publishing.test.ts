import assert from 'node:assert/strict'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import { connectClient, openClient } from '../../support/stream-client.ts'
import { answered, authenticator, price } from '../../support/stream-producer.ts'
import { startStreams, type TestStreams } from '../../support/stream-server.ts'

const KIB = 1024

describe('publishing on a socket', () => {
  let system: TestStreams
  let path: string
  before(async () => {
    system = await startStreams({ authenticator })
    path = `${system.url}/ws/publish`
  })
  afterEach(() => assert.deepEqual(system.errors, []))
  after(() => system.stop())

  const feed = () => connectClient(`${path}?token=feed`)

  it('is for producers and admins: others are closed with 4403, and who has no token with 4401', async () => {
    assert.equal((await openClient(`${path}?token=alice`).ended).code, 4403)
    assert.equal((await openClient(`${path}?token=bad`).ended).code, 4401)
    const nobody = openClient(path)
    nobody.socket.on('open', () => nobody.send(price(1)))
    assert.equal((await nobody.ended).code, 4401)
    await (await connectClient(`${path}?token=root`)).close()
  })

  it('takes the token as a first frame, and keeps it when a newer one may not publish', async () => {
    const producer = openClient(path)
    producer.socket.on('open', () => producer.send({ type: 'auth', token: 'feed' }))
    await producer.next('connected')
    producer.send({ type: 'auth', token: 'alice', id: 7 })
    const complaint = await producer.next('error')
    assert.deepEqual([complaint['code'], complaint['id']], ['forbidden', 7])
    producer.send(price(1))
    await producer.next('published')
    await producer.close()
    const other = openClient(path)
    other.socket.on('open', () => other.send({ type: 'auth', token: 'alice' }))
    assert.equal((await other.ended).code, 4403)
  })

  it('takes one message or many, and answers each frame with its id', async () => {
    const reader = await connectClient(`${system.url}/ws/market-data/MANY`)
    const producer = await feed()
    producer.send(price(1, 'many'))
    assert.deepEqual(await producer.next('published'), { type: 'published', accepted: 1 })
    producer.send({ ...price(2, 'MANY'), id: 'x' })
    producer.send({ id: 8, messages: [price(3, 'MANY'), price(4, 'MANY')] })
    assert.deepEqual(await producer.next('published'), { type: 'published', id: 'x', accepted: 1 })
    assert.deepEqual(await producer.next('published'), { type: 'published', id: 8, accepted: 2 })
    await eventually(() => assert.deepEqual(reader.numbers(), [1, 2, 3, 4]))
    assert.deepEqual(
      reader.frames.slice(1).map(({ data }) => data),
      [1, 2, 3, 4].map((n) => ({ n })),
    )
    await Promise.all([reader.close(), producer.close()])
  })

  it('completes predictions as REST does', async () => {
    const reader = await connectClient(`${system.url}/ws/predictions/AAPL`)
    const producer = await feed()
    const data = { predicted_price: 112.5, confidence: 0.5, current_price: 100 }
    producer.send({ channel: 'predictions', symbol: 'AAPL', data })
    const { data: seen } = await reader.next('prediction_update')
    assert.equal((seen as { predicted_return: number }).predicted_return, 0.125)
    await Promise.all([reader.close(), producer.close()])
  })

  it('answers what is bad with an error that says what, publishes nothing of it, and stays open', async () => {
    const producer = await feed()
    const bad: [unknown, string, unknown?][] = [
      ['{', 'malformed_json'],
      ['[]', 'bad_frame'],
      ['"x"', 'bad_frame'],
      [{ type: 'subscribe', channel: 'alerts', id: 1 }, 'bad_frame', 1],
      [{ ...price(1), id: {} }, 'bad_frame'],
      [{ ...price(1), id: 2, channel: 'alerts' }, 'validation_failed', 2],
      [{ ...price(1), more: 1 }, 'validation_failed'],
      [{ id: 3, messages: [] }, 'validation_failed', 3],
      [{ id: 4, messages: [price(1), { ...price(1), symbol: 'A B' }] }, 'validation_failed', 4],
      [{ id: 5, messages: Array.from({ length: 1001 }, () => price(1)) }, 'validation_failed', 5],
      [{ ...price(1), id: 6, data: { x: 'x'.repeat(65 * KIB) } }, 'payload_too_large', 6],
      ['{"channel":"market-data","symbol":"AAPL","data":{"n":9007199254740993}}', 'validation_failed'],
    ]
    for (const [frame, code, id] of bad) {
      producer.send(frame)
      const answer = await producer.next('error')
      assert.deepEqual([answer['code'], answer['id']], [code, id], JSON.stringify(frame).slice(0, 100))
    }
    producer.send({ ...price(1), symbol: undefined })
    assert.deepEqual(((await producer.next('error'))['details'] as { path: string }[])[0]?.path, 'symbol')
    producer.send({ ...price(1), data: { x: 'x'.repeat(65 * KIB) } })
    assert.match(String((await producer.next('error'))['message']), /^data has more than/)
    producer.send({ ...price(1), id: 'x'.repeat(129) })
    assert.match(String((await producer.next('error'))['message']), /at most 128 characters/)
    producer.socket.send(Buffer.from('{}'))
    assert.equal((await producer.next('error'))['code'], 'bad_frame')
    producer.send({ type: 'ping' })
    await producer.next('pong')
    assert.equal(producer.frames.filter(({ type }) => type === 'published').length, 0)
    await producer.close()
  })

  it('takes frames of 1 MiB and closes with 1009 over it', async () => {
    const producer = await feed()
    const message = { channel: 'market-data', symbol: 'AAPL', data: { x: 'x'.repeat(32_600) } }
    const frame = JSON.stringify({ messages: Array.from({ length: 32 }, () => message) })
    producer.send(frame + ' '.repeat(1024 * KIB - frame.length))
    assert.equal((await producer.next('published'))['accepted'], 32)
    producer.send(frame + ' '.repeat(1024 * KIB - frame.length + 1))
    assert.equal((await producer.ended).code, 1009)
  })

  it('is not limited to 50 frames a second', async () => {
    const producer = await feed()
    for (let n = 1; n <= 500; n += 1) producer.send({ ...price(n), id: n })
    await eventually(() => assert.equal(answered(producer.frames).length, 500))
    assert.deepEqual(answered(producer.frames), range(1, 500))
    await producer.close()
  })
})

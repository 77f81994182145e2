import assert from 'node:assert/strict'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { BackplaneAway } from '../../../src/streams/publisher.ts'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import { connectClient } from '../../support/stream-client.ts'
import { authenticator, price } from '../../support/stream-producer.ts'
import { startStreams } from '../../support/stream-server.ts'

describe('a producer and a backplane that is slow', () => {
  it('is told to slow down before frames are refused, and every frame has its answer in order', async () => {
    let letGo: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const memory = createMemoryBackplane()
    const publish: typeof memory.publish = (messages) => held.then(() => memory.publish(messages))
    const system = await startStreams({ authenticator, backplane: { ...memory, publish } })
    const reader = await connectClient(`${system.url}/ws/market-data/AAPL`)
    const producer = await connectClient(`${system.url}/ws/publish?token=feed`)
    const frame = (id: number) => ({ id, messages: Array.from({ length: 1000 }, (_, n) => price(id * 1000 + n)) })
    for (let id = 0; id < 12; id += 1) producer.send(frame(id))
    producer.socket.send(Buffer.from('{}'))
    const told = await producer.next('slow_down')
    assert.ok(Number(told['behind']) > 5_000 && Number(told['retry_after_ms']) > 0, JSON.stringify(told))
    await eventually(async () =>
      assert.deepEqual(await system.byLabel('ara_publications_refused_total', 'why'), { slow_down: 2, bad: 1 }),
    )
    assert.equal(await system.metric('ara_publish_behind'), 10_000)
    letGo()
    const answers = () => producer.frames.filter(({ type }) => type === 'published' || type === 'error')
    await eventually(() => assert.equal(answers().length, 13))
    assert.deepEqual(
      answers().map(({ id, type, code }) => [id, code ?? type]),
      [
        ...range(0, 9).map((id) => [id, 'published']),
        ...[10, 11].map((id) => [id, 'slow_down']),
        [undefined, 'bad_frame'],
      ],
    )
    producer.send(frame(10))
    await producer.next('published')
    await eventually(() => assert.equal(reader.numbers().length, 11_000))
    assert.deepEqual(reader.numbers(), range(1, 11_000))
    await Promise.all([reader.close(), producer.close()])
    await system.stop()
  })

  it('is told that the streams are away, frame by frame, and of each process that ends after its answers', async () => {
    let away = true
    const memory = createMemoryBackplane()
    const publish: typeof memory.publish = async (messages) => {
      if (away) throw new BackplaneAway()
      await memory.publish(messages)
    }
    const system = await startStreams({ authenticator, backplane: { ...memory, publish } })
    const producer = await connectClient(`${system.url}/ws/publish?token=feed`)
    producer.send({ ...price(1), id: 1 })
    const refused = await producer.next('error')
    assert.deepEqual([refused['code'], refused['id'], refused['retry_after_ms']], ['unavailable', 1, 1000])
    away = false
    producer.send({ ...price(1), id: 2 })
    await producer.next('published')
    await system.streams.drain(0)
    assert.equal((await producer.ended).code, 4501)
    await system.stop()
  })
})

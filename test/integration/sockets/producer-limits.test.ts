import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { eventually } from '../../support/eventually.ts'
import { range } from '../../support/stream-backplane.ts'
import { connectClient } from '../../support/stream-client.ts'
import { answered, authenticator, price } from '../../support/stream-producer.ts'
import { startStreams } from '../../support/stream-server.ts'

const KIB = 1024

describe('a producer at its limits', () => {
  const x = 'x'.repeat(980)
  const large = (id: number) => ({ id, messages: range(1, 1000).map((n) => ({ ...price(n), data: { x } })) })

  /** A backplane that takes nothing until it is let go. */
  async function startHeld(rules: Parameters<typeof startStreams>[0] = {}) {
    let letGo: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const memory = createMemoryBackplane()
    const publish: typeof memory.publish = (messages) => held.then(() => memory.publish(messages))
    const system = await startStreams({ authenticator, backplane: { ...memory, publish }, ...rules })
    return { system, letGo, open: () => connectClient(`${system.url}/ws/publish?token=feed`) }
  }

  it('has its answers when the process ends, and is refused what it sends after that', async () => {
    const { system, letGo, open } = await startHeld()
    const producer = await open()
    producer.send({ ...price(1), id: 1 })
    await eventually(async () => assert.equal(await system.metric('ara_publish_behind'), 1))
    const drained = system.streams.drain(0)
    producer.send({ ...price(2), id: 2 })
    await eventually(async () => assert.equal(await system.metric('ara_publications_refused_total'), 1))
    letGo()
    await drained
    assert.equal((await producer.ended).code, 4501)
    const answers = producer.frames
      .slice(1)
      .map(({ type, id, code, retry_after_ms }) => [type, id, code, retry_after_ms])
    assert.deepEqual(answers, [
      ['published', 1, undefined, undefined],
      ['error', 2, 'unavailable', 1000],
    ])
    await system.stop()
  })

  it('has at most 8 MiB of frames under way', async () => {
    const { system, letGo, open } = await startHeld()
    const producer = await open()
    for (const id of range(1, 9)) producer.send(large(id))
    await eventually(async () => assert.equal(await system.metric('ara_publications_refused_total'), 1))
    letGo()
    const refused = await producer.next('error')
    assert.deepEqual([refused['id'], refused['code']], [9, 'slow_down'])
    assert.deepEqual(answered(producer.frames), range(1, 8))
    await producer.close()
    await system.stop()
  })

  it('is closed with 4513 when it does not read its answers', async () => {
    const system = await startStreams({ authenticator })
    const producer = await connectClient(`${system.url}/ws/publish?token=feed`)
    producer.socket.pause()
    // What the kernel's buffers take comes first, some MB.
    const id = 'x'.repeat(128)
    const frame = JSON.stringify({ id, messages: range(1, 900).map((n) => ({ ...price(n), channel: 'nothing' })) })
    for (let sent = 0; (await system.metric('ara_sockets_slow')) === 0 && sent < 2_000; sent += 20) {
      for (let n = 0; n < 20; n += 1) producer.send(frame)
      await setTimeout(10)
    }
    await eventually(() => assert.equal(system.streams.slow().ending, 1))
    producer.socket.resume()
    assert.deepEqual(await producer.ended, { code: 4513, reason: 'too slow' })
    await system.stop()
  })

  it('shares with the others what may wait in all', async () => {
    const { system, letGo, open } = await startHeld({ rules: { publishBacklog: { messages: 3, bytes: 1024 * KIB } } })
    const [one, other] = [await open(), await open()]
    one.send({ id: 1, messages: [price(1), price(2)] })
    await eventually(async () => assert.equal(await system.metric('ara_publish_behind'), 2))
    other.send({ id: 2, messages: [price(3), price(4)] })
    const { code, behind } = await other.next('error')
    assert.deepEqual([code, behind], ['slow_down', 2])
    letGo()
    await one.next('published')
    await Promise.all([one.close(), other.close()])
    await system.stop()
  })
})

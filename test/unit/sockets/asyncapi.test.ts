import assert from 'node:assert/strict'
import { z } from 'zod'
import { asyncApiDocument } from '../../../src/sockets/asyncapi.ts'
import { type ClientFrame, clientFrames, parseClientFrame } from '../../../src/sockets/client-frames.ts'
import { clientFrameExamples, producerFrameExamples } from '../../../src/sockets/frame-examples.ts'
import { parsePublishFrame, producerFrames } from '../../../src/sockets/publish-frames.ts'
import { serverFrames } from '../../../src/sockets/server-frames.ts'

interface Document {
  asyncapi: string
  channels: Record<string, { address: string; messages: Record<string, object> }>
  operations: Record<string, { action: string }>
  components: {
    messages: Record<string, { name: string; payload: z.core.JSONSchema.JSONSchema; examples: { payload: unknown }[] }>
  }
}

describe('the AsyncAPI document', () => {
  const document = JSON.parse(JSON.stringify(asyncApiDocument('1'))) as Document
  const { messages } = document.components

  it('has every frame of either side, and uses each somewhere', () => {
    const expected = [
      ...Object.keys(serverFrames).map((type) => `server.${type}`),
      ...Object.keys({ ...clientFrames, ...producerFrames }).map((type) => `client.${type}`),
    ]
    assert.deepEqual(Object.keys(messages).sort(), expected.sort())
    const used = Object.values(document.channels).flatMap((channel) => Object.keys(channel.messages))
    assert.deepEqual([...new Set(used)].sort(), expected)
  })

  it('has no reference that leads nowhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"(#[^"]+)"/g)].map(([, to = '']) => to)
    assert.ok(references.length > 50)
    for (const to of references) {
      const found = to
        .slice(2)
        .split('/')
        .reduce((at: unknown, key) => (at as Record<string, unknown> | undefined)?.[key], document)
      assert.ok(found, to)
    }
  })

  it('gives an example of each message that its own schema takes, and no other', () => {
    for (const [name, { payload, examples }] of Object.entries(messages)) {
      const schema = z.fromJSONSchema(payload)
      assert.equal(examples.length, 1)
      for (const example of examples) {
        assert.deepEqual(schema.parse(example.payload), example.payload, name)
        assert.equal(schema.safeParse({ ...(example.payload as object), type: 'another' }).success, false, name)
      }
    }
  })

  it('has one message of a producer as a frame, too', () => {
    const schema = z.fromJSONSchema(messages['client.publish']?.payload ?? {})
    const one = { channel: 'market-data', symbol: 'AAPL', data: { price: 187.5 } }
    for (const frame of [one, { ...one, id: 1, type: 'publish' }]) assert.ok(schema.safeParse(frame).success)
    for (const frame of [
      { ...one, more: 1 },
      { ...one, messages: [one] },
      { ...one, id: 'x'.repeat(129) },
    ]) {
      assert.ok(!schema.safeParse(frame).success, JSON.stringify(frame))
    }
  })

  it('has every message that may come on a path, whatever it begins with', () => {
    const updates = ['prediction_update', 'market_data_update', 'alert', 'delivery_attempt']
    for (const { address, messages } of Object.values(document.channels)) {
      if (!address.startsWith('/ws') || address === '/ws/publish') continue
      for (const update of updates) assert.ok(`server.${update}` in messages, `${update} on ${address}`)
    }
  })

  it('shows client frames that the server takes', () => {
    for (const [type, example] of Object.entries(clientFrameExamples)) {
      const parsed = parseClientFrame(JSON.stringify(example), undefined)
      assert.equal((parsed as ClientFrame).type, type)
    }
    for (const [kind, example] of Object.entries(producerFrameExamples)) {
      assert.equal(parsePublishFrame(JSON.stringify(example), new Date()).kind, kind)
    }
  })

  it('is of version 3, with the addresses of both ways and what goes either way', () => {
    assert.match(document.asyncapi, /^3\./)
    assert.deepEqual(
      Object.values(document.channels).map(({ address }) => address),
      [
        ...['/ws/predictions/{symbol}', '/ws/market-data/{symbol}', '/ws/alerts', '/ws'],
        ...['predictions/{symbol}', 'market-data/{symbol}', 'alerts'].map((stream) => `/api/v1/streams/${stream}`),
        '/ws/publish',
      ],
    )
    const actions = Object.values(document.operations).map(({ action }) => action)
    assert.equal(actions.filter((action) => action === 'send').length, 8)
    assert.equal(actions.filter((action) => action === 'receive').length, 5)
  })
})

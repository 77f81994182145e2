import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Listener, listen } from '../../../src/listener.ts'
import { speak } from '../../support/raw-http.ts'

const GET = 'GET / HTTP/1.1\r\nHost: test\r\n\r\n'

describe('a handler that fails', () => {
  let listener: Listener
  let handle: (request: IncomingMessage, response: ServerResponse) => unknown = () => undefined
  let errors: unknown[] = []
  before(async () => {
    listener = await listen({
      handle: (request, response) => handle(request, response),
      host: '127.0.0.1',
      port: 0,
      exclusive: true,
      onError: (error) => errors.push(error),
    })
  })
  beforeEach(() => {
    errors = []
  })
  after(() => listener.close())

  const failure = new Error('a handler failed')
  const failing: Record<string, typeof handle> = {
    'by throwing': () => {
      throw failure
    },
    'by rejecting': async () => {
      throw failure
    },
    'after the first bytes of its answer': async (_request, response) => {
      response.write('first')
      throw failure
    },
  }
  for (const [how, failingHandle] of Object.entries(failing)) {
    it(`${how} ends its connection, not the process, and is told of`, async () => {
      handle = failingHandle
      const { connection, answers } = await speak(listener.port, [GET])
      assert.equal(connection, 'ended')
      assert.ok(answers.every(({ complete }) => !complete))
      assert.deepEqual(errors, [failure])
      await listener.drain(1_000)
    })
  }

  it('after its answer does it no harm', async () => {
    handle = async (_request, response) => {
      response.end('answered')
      throw failure
    }
    const { connection, answers } = await speak(listener.port, [GET])
    assert.deepEqual([connection, answers[0]?.body.toString()], ['kept', 'answered'])
    assert.deepEqual(errors, [failure])
  })

  it('to see that the client has gone may use the response as before', async () => {
    const done = new Promise<void>((resolve, reject) => {
      handle = (_request, response) => {
        response.on('close', () => {
          try {
            response.setHeader('X-Late', '1')
            response.writeHead(200)
            response.flushHeaders()
            assert.equal(response.write('late'), false)
            response.end('later').end().destroy()
            resolve()
          } catch (error) {
            reject(error)
          }
        })
      }
    })
    await speak(listener.port, [GET], { resetAfterMs: 20 })
    await done
    assert.deepEqual(errors, [])
  })
})

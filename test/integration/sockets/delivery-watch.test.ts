import assert from 'node:assert/strict'
import { publicId, uuidv7 } from '../../../src/ids.ts'
import { eventually } from '../../support/eventually.ts'
import { type Response, startTestReceiver, type TestReceiver } from '../../support/receiver.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { connectClient, type Frame, type StreamClient } from '../../support/stream-client.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'

const WEBHOOKS = '/api/v1/webhooks'
const SETTINGS = { DELIVERY_RETRY_BASE_MS: '20', DELIVERY_TIMEOUT_MS: '2000', STREAMS_ANONYMOUS: 'alerts' }

for (const store of ['memory', 'Redis']) {
  describe(`watching attempts, told through ${store}`, function () {
    this.timeout(120_000)

    let redis: TestRedis | undefined
    let system: WebSystem
    let receiver: TestReceiver
    let respond: (count: number) => Response
    const clients: StreamClient[] = []

    before(async () => {
      redis = store === 'Redis' ? await startRedis() : undefined
      receiver = await startTestReceiver({ respond: () => respond(receiver.received.length) })
      system = await startWebSystem({ ...SETTINGS, ...(redis ? { REDIS_URL: redis.url } : {}) }, { work: true })
    })
    after(async () => {
      await system?.stop()
      await receiver?.close()
      await redis?.stop()
    })
    beforeEach(() => {
      receiver.received.length = 0
      respond = () => ({ status: 200, body: 'thanks' })
    })
    afterEach(async () => {
      for (const client of clients.splice(0)) await client.close()
    })

    it('shows the owner each attempt as the log has it, and what was sent only when asked for', async () => {
      respond = (count) => (count === 1 ? { status: 503, body: 'not now' } : { status: 200, body: 'thanks' })
      const webhook = await create('alice', { headers: { 'X-Team': 'blue-team' } })
      const short = await watcher('alice', { webhook_id: webhook })
      const full = await watcher('alice', { webhook_id: webhook, include: 'request' })
      await settled()
      await publish()
      const [failed, delivered] = [await short.next('delivery_attempt'), await short.next('delivery_attempt')]
      assert.deepEqual(
        [
          failed['attempt'],
          failed['attempt_status'],
          failed['response_code'],
          failed['response_body'],
          failed['error'],
        ],
        [1, 'failed', 503, 'not now', 'bad_status'],
      )
      assert.deepEqual(
        [delivered['attempt'], delivered['attempt_status'], delivered['status'], delivered['response_body']],
        [2, 'success', 'success', 'thanks'],
      )
      const logged = await call('GET', `${WEBHOOKS}/${webhook}/deliveries/${delivered['id']}`, 'alice')
      const { attempts, ...delivery } = logged.body
      for (const [name, value] of Object.entries(delivery)) assert.deepEqual(delivered[name], value, name)
      assert.equal('request' in delivered, false)
      const first = await full.next('delivery_attempt')
      assert.deepEqual([first['attempt'], first['request']], [1, attempts[0].request])
      const sent = first['request'] as { headers: Record<string, string>; body: string }
      assert.equal(sent.body, receiver.received[0]?.body)
      assert.equal(sent.headers['X-Team'], '***')
      assert.ok(!JSON.stringify([...short.frames, ...full.frames]).includes('blue-team'))
      assert.equal(short.frames.filter(isAttempt).length, 2)
    })

    it('is for the owner and admins; to others a webhook is as one that does not exist', async () => {
      const webhook = await create('alice')
      const bob = await connect('bob')
      const answers: Frame[] = []
      for (const webhook_id of [webhook, publicId('wh', uuidv7()), 'wh_1']) {
        bob.send({ type: 'subscribe', channel: 'deliveries', webhook_id })
        const { webhook_id: _id, channel: _channel, ...rest } = await bob.next('error')
        answers.push(rest as Frame)
      }
      assert.deepEqual(
        answers,
        Array(3).fill({ type: 'error', code: 'no_such_webhook', message: 'There is no such webhook.' }),
      )
      const nobody = await connect(null)
      nobody.send({ type: 'subscribe', channel: 'deliveries', webhook_id: webhook })
      assert.equal((await nobody.next('error'))['code'], 'forbidden')
      const admin = await watcher('root', { webhook_id: webhook }, 'admin')
      const all = await watcher('bob', {})
      await settled()
      await publish()
      assert.equal((await admin.next('delivery_attempt'))['webhook_id'], webhook)
      assert.deepEqual([...bob.frames, ...nobody.frames, ...all.frames].filter(isAttempt), [])
    })

    it('shows all of a user’s webhooks when none is named, also one that is made later, until unsubscribed', async () => {
      const carol = await watcher('carol', {})
      const webhook = await create('carol')
      const shown = await eventually(
        async () => {
          await publish()
          const attempt = carol.frames.find(isAttempt)
          assert.ok(attempt)
          return attempt
        },
        { timeoutMs: 30_000, everyMs: 250 },
      )
      assert.equal(shown['webhook_id'], webhook)
      carol.send({ type: 'unsubscribe', channel: 'deliveries' })
      assert.deepEqual(await carol.next('unsubscribed'), {
        type: 'unsubscribed',
        channel: 'deliveries',
        webhook_id: null,
      })
      await nothingOpen()
      const before = carol.frames.filter(isAttempt).length
      await publish()
      await nothingOpen()
      carol.send({ type: 'ping' })
      await carol.next('pong')
      assert.equal(carol.frames.filter(isAttempt).length, before)
      carol.send({ type: 'unsubscribe', channel: 'deliveries' })
      assert.equal((await carol.next('error'))['code'], 'not_subscribed')
    })

    async function create(owner: string, fields: object = {}): Promise<string> {
      const body = { url: `${receiver.url}/hook`, events: ['system_error'], ...fields }
      const answer = await call('POST', WEBHOOKS, owner, body)
      assert.equal(answer.status, 201, answer.text)
      return answer.body.id
    }

    function call(method: string, path: string, sub: string, body?: object) {
      return system.call(method, path, { token: system.token(sub), ...(body ? { body } : {}) })
    }

    async function publish(): Promise<void> {
      const body = { event_type: 'system_error', data: { message: 'it broke' } }
      const answer = await system.call('POST', '/api/v1/events', { token: system.token('models', 'producer'), body })
      assert.equal(answer.status, 202, answer.text)
    }

    async function connect(sub: string | null, role: 'user' | 'admin' = 'user'): Promise<StreamClient> {
      const query = sub === null ? '' : `?token=${system.token(sub, role)}`
      const client = await connectClient(`ws://127.0.0.1:${system.port}/ws${query}`)
      clients.push(client)
      return client
    }

    async function watcher(sub: string, fields: object, role: 'user' | 'admin' = 'user'): Promise<StreamClient> {
      const client = await connect(sub, role)
      client.send({ type: 'subscribe', channel: 'deliveries', ...fields, id: 7 })
      const { webhook_id = null } = fields as { webhook_id?: string }
      assert.deepEqual(await client.next('subscribed'), {
        type: 'subscribed',
        id: 7,
        channel: 'deliveries',
        webhook_id,
      })
      return client
    }

    /** Workers learn within a second or so what is watched. */
    async function settled(): Promise<void> {
      if (redis) await new Promise((resolve) => setTimeout(resolve, 3_000))
    }

    async function nothingOpen(): Promise<void> {
      const open = async () => (await system.db.query({ text: 'SELECT 1 FROM due LIMIT 1' })).length > 0
      await eventually(async () => !(await open()), { timeoutMs: 30_000 })
    }
  })
}

function isAttempt(frame: Frame): boolean {
  return frame.type === 'delivery_attempt'
}

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { CrashAt } from '../../../src/crash-points.ts'
import type { Attempted } from '../../../src/deliveries/make-attempt.ts'
import { createLoneAttempts, LONE_PROCESSES, type LoneAttempts } from '../../../workers/lone-attempts.ts'
import type { Opening } from '../../../workers/lone-messages.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { leftRunning } from '../../support/left-running.ts'
import { type Response, startTestReceiver, type TestReceiver } from '../../support/receiver.ts'
import { openDelivery, SECRETS_KEY, storeWebhook } from '../../support/work-attempts.ts'
import { describeForEachQueue } from '../../support/work-bench.ts'

describe('a lone attempt', () => {
  let database: TestDatabase
  let receiver: TestReceiver
  let lone: LoneAttempts
  let attempted: Attempted[]
  let gone: string[]
  let answer: Response
  /** Come before `answer`. */
  let first: Response[]

  before(async () => {
    database = await createDatabase()
    receiver = await startTestReceiver({ respond: () => first.shift() ?? answer })
  })
  after(async () => {
    await receiver.close()
    await database.drop()
  })
  beforeEach(async () => {
    ;[attempted, gone, answer, first] = [[], [], { status: 200 }, []]
    await database.db.query({ text: 'TRUNCATE webhooks, webhook_stats, due, deliveries, attempts, events' })
    await storeWebhook(database.db, { url: receiver.url })
  })
  afterEach(() => lone.close())

  it('is made in another process, and recorded under its name', async () => {
    lone = newLone()
    const deliveryId = await openDelivery(database.db)
    const made = await lone.make({ deliveryId, attempt: 1 }, never())
    assert.deepEqual([made?.status, made?.recorded], ['success', true])
    assert.deepEqual(attempted, [made])
    const [logged] = await logOf(deliveryId)
    assert.equal(logged?.status, 'success')
    assert.notEqual(logged?.worker.split(':')[1], String(process.pid))
  })

  it('takes nothing down when it ends its process, and the next one is made', async () => {
    const [guilty, innocent] = [await openDelivery(database.db), await openDelivery(database.db)]
    lone = newLone({ point: 'after_send', pass: 1 })
    await assert.rejects(lone.make({ deliveryId: guilty, attempt: 1 }, never()), /ended with SIGKILL/)
    assert.deepEqual(
      (await logOf(guilty)).map(({ status }) => status),
      ['started'],
    )
    await lone.close()
    lone = newLone()
    assert.equal((await lone.make({ deliveryId: innocent, attempt: 1 }, never()))?.status, 'success')
  })

  it('goes on at once beside others, each in a process of its own, which serve again', async () => {
    lone = newLone()
    for (let round = 0; round < 2; round += 1) {
      const ids = await Promise.all([1, 2, 3].map(() => openDelivery(database.db)))
      const made = await Promise.all(ids.map((deliveryId) => lone.make({ deliveryId, attempt: 1 }, never())))
      assert.deepEqual(
        made.map((one) => one?.status),
        ['success', 'success', 'success'],
      )
    }
    const rows = await database.db.query<{ attempts: number }>({
      text: 'SELECT count(*) AS attempts FROM attempts GROUP BY worker',
    })
    assert.deepEqual(rows, [{ attempts: 2 }, { attempts: 2 }, { attempts: 2 }])
  })

  it('is nothing when the number is not to be had', async () => {
    lone = newLone()
    const deliveryId = await openDelivery(database.db)
    assert.equal(await lone.make({ deliveryId, attempt: 7 }, never()), null)
    assert.deepEqual(attempted, [])
  })

  it('tells of a receiver that is gone', async () => {
    answer = { status: 410 }
    lone = newLone()
    const deliveryId = await openDelivery(database.db)
    await lone.make({ deliveryId, attempt: 1 }, never())
    assert.equal(gone.length, 1)
  })

  it('takes no place from those that its process was told to make next', async () => {
    const ids = await Promise.all(Array.from({ length: 1 + LONE_PROCESSES }, () => openDelivery(database.db)))
    lone = newLone({ point: 'after_claim', pass: 1 })
    // All processes get one, and one of them another after it.
    const ends = await Promise.allSettled(ids.map((deliveryId) => lone.make({ deliveryId, attempt: 1 }, never())))
    assert.ok(ends.every(({ status }) => status === 'rejected'))
    for (const id of ids) assert.equal((await logOf(id)).length, 1, 'each was begun once')
  })

  it('finds processes that were started before it', async () => {
    lone = newLone()
    const before = new Set(lonePids())
    lone.prepare(2)
    lone.prepare(1)
    await eventually(() => lonePids().filter((pid) => !before.has(pid)).length === 2)
    const ids = await Promise.all([1, 2].map(() => openDelivery(database.db)))
    await Promise.all(ids.map((deliveryId) => lone.make({ deliveryId, attempt: 1 }, never())))
    assert.equal(lonePids().filter((pid) => !before.has(pid)).length, 2)
  })

  it('is made although its worker dies while the process begins, which ends then', async () => {
    lone = newLone()
    const deliveryId = await openDelivery(database.db)
    const claim = JSON.stringify({ deliveryId, attempt: 1 })
    const before = new Set(lonePids())
    const program = ['--import', 'tsx', 'test/support/dying-worker.ts']
    const args = [...program, '400', claim, JSON.stringify(newOpening())]
    const worker = spawn(process.execPath, args, { stdio: 'ignore' })
    assert.deepEqual(await once(worker, 'exit'), [null, 'SIGKILL'])
    await eventually(async () => (await logOf(deliveryId))[0]?.status === 'success')
    await eventually(() => lonePids().every((pid) => before.has(pid)))
  })

  it('is aborted with its worker, and charged nothing', async () => {
    answer = 'hang'
    lone = newLone()
    const deliveryId = await openDelivery(database.db)
    const stop = new AbortController()
    const before = receiver.received.length
    const making = lone.make({ deliveryId, attempt: 1 }, stop.signal)
    await eventually(() => receiver.received.length > before)
    stop.abort()
    assert.equal((await making)?.status, 'aborted')
  })

  it('is aborted with its worker also after others of its process have ended', async () => {
    lone = newLone()
    const stop = new AbortController()
    const make = async (count: number) => {
      const ids = await Promise.all(Array.from({ length: count }, () => openDelivery(database.db)))
      return ids.map((deliveryId) => lone.make({ deliveryId, attempt: 1 }, stop.signal))
    }
    // All processes run, and so each gets one at once.
    await Promise.all(await make(LONE_PROCESSES))
    first = Array.from({ length: LONE_PROCESSES }, () => ({ status: 200, delayMs: 500 }))
    answer = 'hang'
    const before = receiver.received.length
    const making = await make(LONE_PROCESSES + 1)
    await eventually(() => receiver.received.length === before + making.length)
    stop.abort()
    const statuses = (await Promise.all(making)).map((made) => made?.status).sort()
    assert.deepEqual(statuses, ['aborted', ...Array.from({ length: LONE_PROCESSES }, () => 'success')])
  })

  function newOpening(crashAt?: CrashAt): Opening {
    const [id = '', key = ''] = SECRETS_KEY.split(':')
    return {
      databaseUrl: database.url,
      keys: [{ id, key: Buffer.from(key, 'base64') }],
      rules: { allowCidrs: ['127.0.0.0/8'], retryBaseMs: 1_000, retryCapMs: 1_000, timeoutMs: 30_000 },
      tracing: { endpoint: undefined },
      version: '1.2.3',
      crashAt,
    }
  }

  function newLone(crashAt?: CrashAt): LoneAttempts {
    return createLoneAttempts({
      opening: newOpening(crashAt),
      onGone: async (webhookId) => void gone.push(webhookId),
      onAttempt: (one) => void attempted.push(one),
      onError: (error) => assert.fail(String(error)),
    })
  }

  const logOf = (deliveryId: string) =>
    database.db.query<{ status: string; worker: string }>({
      text: 'SELECT status, worker FROM attempts WHERE delivery_id = $1 ORDER BY attempt',
      values: [deliveryId],
    })
})

describeForEachQueue('a delivery that has cut two attempts in a row', (bench) => {
  it('is attempted alone in a process of its own, while others are made in the worker', async () => {
    const receiver = await bench.newReceiver()
    await storeWebhook(bench.database().db, { url: receiver.url })
    const { db } = bench.database()
    const suspect = await openDelivery(db)
    await db.query({
      text: `INSERT INTO attempts (delivery_id, attempt, worker, status)
             VALUES ($1, 1, 'dead', 'unknown'), ($1, 2, 'dead', 'started')`,
      values: [suspect],
    })
    await db.query({
      text: `UPDATE due SET attempt = 2, unknowns = 1, worker = 'dead', lease_until = now() - interval '1 second'
             WHERE delivery_id = $1`,
      values: [suspect],
    })
    const system = await bench.start()
    await system.publish(3)
    await bench.settled()
    assert.deepEqual(await bench.outcomes(), { success: 4 })
    const rows = await db.query<{ alone: boolean; attempts: number }>({
      text: `SELECT split_part(worker, ':', 2) <> $1 AS alone, count(*) AS attempts FROM attempts
             WHERE status = 'success' GROUP BY 1 ORDER BY 1`,
      values: [String(process.pid)],
    })
    assert.deepEqual(rows, [
      { alone: false, attempts: 3 },
      { alone: true, attempts: 1 },
    ])
    const [log] = await db.query({
      text: 'SELECT array_agg(status ORDER BY attempt) AS statuses FROM attempts WHERE delivery_id = $1',
      values: [suspect],
    })
    assert.deepEqual(log, { statuses: ['unknown', 'unknown', 'success'] })
  })
})

function lonePids(): number[] {
  return leftRunning().flatMap(({ pid, command }) => (command.includes('lone-process') ? [pid] : []))
}

const never = () => new AbortController().signal

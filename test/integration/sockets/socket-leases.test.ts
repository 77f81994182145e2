import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { connectRedis, type RedisConnection } from '../../../src/redis/connect.ts'
import { createSocketLeases, type SocketLeases } from '../../../src/sockets/socket-leases.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'

const LEASE_MS = 600
const log = openLog({ level: 'silent', name: 'test' })

/** A process as far as leases go. */
interface Process {
  leases: SocketLeases<string>
  redis: RedisConnection
  replaced: string[]
  errors: unknown[]
}

describe('the leases of sockets', () => {
  let server: TestRedis
  let processes: Process[]
  let sockets = 0
  before(async () => {
    server = await startRedis()
  })
  after(() => server.stop())
  beforeEach(() => {
    processes = []
  })
  afterEach(async () => {
    await server.restart()
    for (const { leases, redis } of processes) {
      await leases.stop()
      redis.disconnect()
    }
    await server.flushAll()
  })

  async function startProcess(beatMs = 50): Promise<Process> {
    const redis = connectRedis(server.url, { name: 'test', log, kind: 'producer' })
    await eventually(() => redis.ping())
    const [replaced, errors]: [string[], unknown[]] = [[], []]
    const leases = createSocketLeases<string>({
      ...{ redis, replace: (owner) => replaced.push(owner), onError: (error) => errors.push(error) },
      ...{ beatMs, leaseMs: LEASE_MS },
    })
    const started = { leases, redis, replaced, errors }
    processes.push(started)
    await setTimeout(100)
    return started
  }

  function open({ leases }: Process, userId: string, most = 3): string {
    sockets += 1
    const connectionId = `c${sockets}`
    leases.take({ connectionId, userId, most, owner: connectionId })
    return connectionId
  }
  const countOf = ({ redis }: Process, userId: string) => redis.zcard(`ara:{sockets}:user:${userId}`)

  it('take the oldest of a user away, in whichever process it is', async () => {
    const [one, other] = [await startProcess(), await startProcess()]
    const first = open(one, 'alice')
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 1))
    const second = open(other, 'alice')
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 2))
    open(one, 'alice')
    open(other, 'bob')
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 3))
    assert.deepEqual([one.replaced, other.replaced], [[], []])
    open(other, 'alice')
    await eventually(() => assert.deepEqual([one.replaced, other.replaced], [[first], []]))
    open(one, 'alice')
    await eventually(() => assert.deepEqual([one.replaced, other.replaced], [[first], [second]]))
    assert.deepEqual([one.leases.held(), other.leases.held()], [2, 2])
  })

  it('take a silent one away before any other, in whichever process it is', async () => {
    const [one, other] = [await startProcess(), await startProcess()]
    const oldest = open(one, 'alice')
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 1))
    const vanished = open(other, 'alice')
    const returned = open(other, 'alice')
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 3))
    for (const id of [returned, vanished]) other.leases.setSilent(id, true)
    other.leases.setSilent(returned, false)
    other.leases.setSilent('never taken', true)
    await setTimeout(100)
    open(one, 'alice')
    await eventually(() => assert.deepEqual(other.replaced, [vanished]))
    assert.deepEqual(one.replaced, [])
    open(one, 'alice')
    await eventually(() => assert.deepEqual([one.replaced, other.replaced], [[oldest], [vanished]]))
  })

  it('say in every process who is near the limit, and who is not any more', async () => {
    const [one, other] = [await startProcess(20), await startProcess(20)]
    const here = open(one, 'alice', 4)
    await setTimeout(100)
    assert.ok(!one.leases.crowded(here) && !one.leases.crowded('never taken'))
    const there = [open(other, 'alice', 4), open(other, 'alice', 4)]
    await eventually(() => assert.ok(one.leases.crowded(here)))
    assert.ok(there.every((id) => other.leases.crowded(id)))
    for (const id of there) other.leases.give(id)
    await eventually(() => assert.ok(!one.leases.crowded(here)))
  })

  it('of a socket with another limit keep its age, and the newest limit counts', async () => {
    const [one, other] = [await startProcess(), await startProcess()]
    const again = (id: string, most: number) => one.leases.take({ connectionId: id, userId: 'alice', most, owner: id })
    const ids: string[] = []
    for (const process of [one, one, other]) {
      ids.push(open(process, 'alice'))
      await eventually(async () => assert.equal(await countOf(one, 'alice'), ids.length))
    }
    again(ids[1] ?? '', 5)
    ids.push(open(one, 'alice', 5))
    await setTimeout(100)
    assert.deepEqual([one.replaced, other.replaced], [[], []])
    again(ids[1] ?? '', 2)
    await eventually(() => assert.deepEqual([one.replaced, other.replaced], [[ids[0], ids[1]], []]))
    assert.equal(await countOf(one, 'alice'), 2)
  })

  it('are free at once when a socket closes or its process ends, and leave nothing behind', async () => {
    const [one, other] = [await startProcess(), await startProcess()]
    const ids = [open(one, 'alice'), open(one, 'alice'), open(one, 'alice')]
    for (const id of ids) one.leases.give(id)
    one.leases.give('never taken')
    open(other, 'alice')
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 1))
    await other.leases.stop()
    for (let count = 0; count < 3; count += 1) open(one, 'alice')
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 3))
    await setTimeout(100)
    assert.deepEqual([one.replaced, one.errors, other.errors], [[], [], []])
    assert.ok((await one.redis.pttl('ara:{sockets}:user:alice')) > 0)
  })

  it('of a process that was killed are free when its own lease is over', async () => {
    const [one, killed] = [await startProcess(), await startProcess()]
    for (let count = 0; count < 3; count += 1) open(killed, 'alice')
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 3))
    killed.redis.disconnect()
    await setTimeout(LEASE_MS + 100)
    const ids = [open(one, 'alice'), open(one, 'alice'), open(one, 'alice')]
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 3))
    assert.deepEqual(one.replaced, [])
    open(one, 'alice')
    await eventually(() => assert.deepEqual(one.replaced, [ids[0]]))
  })

  it('are counted by each process alone while Redis is away, and together again when it is back, empty or not', async () => {
    const [one, other] = [await startProcess(), await startProcess()]
    const ids = [open(one, 'alice'), open(one, 'alice')]
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 2))
    await server.kill()
    ids.push(open(one, 'alice'))
    open(one, 'alice')
    assert.deepEqual(one.replaced, [ids[0]])
    const gone = open(other, 'alice')
    open(other, 'alice')
    other.leases.give(gone)
    await server.restart()
    // Three here and one there: one too many.
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 3))
    await eventually(() => assert.equal(one.replaced.length + other.replaced.length, 2))
    assert.equal(one.leases.held() + other.leases.held(), 3)
    assert.ok(one.errors.length <= 2, `${one.errors.length} errors`)
  })

  it('of a process that stood still come back with it', async () => {
    const [one, stopped] = [await startProcess(), await startProcess(LEASE_MS * 3)]
    for (let count = 0; count < 2; count += 1) open(stopped, 'alice')
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 2))
    await setTimeout(LEASE_MS + 100)
    open(one, 'alice')
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 1))
    await eventually(async () => assert.equal(await countOf(one, 'alice'), 3))
    assert.deepEqual([one.replaced, stopped.replaced, stopped.leases.held()], [[], [], 2])
  })

  it('need no Redis in one process', () => {
    const replaced: string[] = []
    const leases = createSocketLeases<string>({
      redis: undefined,
      replace: (owner) => replaced.push(owner),
      onError: assert.ifError,
    })
    const ids = Array.from({ length: 5 }, (_, index) => `${index}`)
    for (const connectionId of ids) leases.take({ connectionId, userId: 'alice', most: 3, owner: connectionId })
    assert.deepEqual(replaced, ['0', '1'])
    leases.setSilent('3', true)
    leases.take({ connectionId: '6', userId: 'alice', most: 3, owner: '6' })
    assert.deepEqual(replaced, ['0', '1', '3'])
    leases.give('6')
    leases.take({ connectionId: '3', userId: 'alice', most: 3, owner: '3' })
    leases.give('2')
    leases.take({ connectionId: '5', userId: 'alice', most: 3, owner: '5' })
    assert.deepEqual([replaced.length, leases.held()], [3, 3])
    for (const connectionId of ids) leases.give(connectionId)
    assert.equal(leases.held(), 1)
  })
})

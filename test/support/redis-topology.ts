import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { eventually } from './eventually.ts'
import { freePort } from './ports.ts'
import { findRedisServer } from './redis.ts'

/** Several Redis servers that belong together, of which one may die. */
export interface Topology {
  /** For REDIS_URL. */
  url: string
  /** SIGKILL to the master that has a replica; resolves when that has taken over. */
  failOver(): Promise<void>
  /** What the master takes from now on its replica does not get. @returns what the replica has of a hash */
  stopReplication(key: string): Promise<Record<string, string>>
  /** All data of all servers. */
  flushAll(): Promise<void>
  stop(): Promise<void>
}

interface Server {
  port: number
  child: ChildProcess
  control: Redis
}

const SECONDS = { timeoutMs: 20_000, everyMs: 50 }
const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** A master, a replica and a Sentinel. */
export async function startSentinel(): Promise<Topology> {
  const servers = createServers()
  const master = await servers.start()
  const replica = await servers.start(['--replicaof', '127.0.0.1', String(master.port)])
  await eventually(() => isReplicating(replica), SECONDS)
  const watch = `sentinel monitor ara 127.0.0.1 ${master.port} 1
sentinel down-after-milliseconds ara 1000
sentinel failover-timeout ara 2000
`
  const sentinel = await servers.start(['--sentinel'], watch)
  await eventually(async () => {
    const known = await sentinel.control.call('SENTINEL', 'REPLICAS', 'ara')
    return String(known).includes(`127.0.0.1:${replica.port}`)
  }, SECONDS)
  const live = async () => {
    const [, port] = (await sentinel.control.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'ara')) as string[]
    return Number(port) === master.port ? master : replica
  }
  return {
    url: `redis+sentinel://127.0.0.1:${sentinel.port}/ara`,
    async failOver() {
      await servers.end(master)
      replica.child.kill('SIGCONT')
      await eventually(async () => (await live()) === replica && isMaster(replica), SECONDS)
    },
    stopReplication: (key) => cutOff(master, replica, key),
    flushAll: async () => void (await (await live()).control.flushall()),
    stop: servers.stop,
  }
}

export interface ClusterTopology extends Topology {
  /** Moves the slot of a key to another master as an administrator does, key by key, with a pause after each step. */
  moveSlot(key: string, pauseMs: number): Promise<void>
}

/** Three masters, each with a third of the slots; the one of a certain key has a replica. */
export async function startCluster(replicatedKey: string): Promise<ClusterTopology> {
  const servers = createServers()
  const start = async () =>
    servers.start([
      '--cluster-enabled',
      'yes',
      '--cluster-node-timeout',
      '1500',
      '--cluster-port',
      String(await freePort()),
    ])
  const masters = await Promise.all([start(), start(), start()])
  const slices = ['0 5460', '5461 10922', '10923 16383']
  await Promise.all(
    masters.map(({ control }, at) => control.call('CLUSTER', 'ADDSLOTSRANGE', ...(slices[at] ?? '').split(' '))),
  )
  await Promise.all(masters.map(({ control }, at) => control.call('CLUSTER', 'SET-CONFIG-EPOCH', String(at + 1))))
  const [first] = masters as [Server, Server, Server]
  for (const other of masters.slice(1)) await meet(first, other)
  await eventually(async () => {
    for (const { control } of masters) if (!(await isWhole(control, 3))) return false
    return true
  }, SECONDS)
  const slot = Number(await first.control.cluster('KEYSLOT', replicatedKey))
  const owner = masters[Math.min(2, Math.floor(slot / 5461))] ?? first
  const replica = await start()
  await meet(first, replica)
  const id = String(await owner.control.cluster('MYID'))
  await eventually(async () => (await replica.control.call('CLUSTER', 'REPLICATE', id)) === 'OK', SECONDS)
  await eventually(() => isReplicating(replica), SECONDS)
  await eventually(() => isWhole(replica.control, 4), SECONDS)
  let hasFailed = false
  return {
    url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    async failOver() {
      await servers.end(owner)
      replica.child.kill('SIGCONT')
      await eventually(async () => (await isMaster(replica)) && (await isWhole(replica.control, 4)), SECONDS)
      hasFailed = true
    },
    stopReplication: (key) => cutOff(owner, replica, key),
    moveSlot: (key, pauseMs) => moveSlot(masters, key, pauseMs),
    async flushAll() {
      const all = hasFailed ? [...masters.filter((one) => one !== owner), replica] : masters
      await Promise.all(all.map(({ control }) => control.flushall()))
    },
    stop: servers.stop,
  }
}

function createServers() {
  const started: Server[] = []
  const directories: string[] = []

  async function end({ child, control }: Server): Promise<void> {
    control.disconnect()
    children.delete(child)
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  return {
    /** @param config of a Sentinel, which keeps it up to date itself */
    async start(options: string[] = [], config = ''): Promise<Server> {
      const directory = await mkdtemp(join(tmpdir(), 'ara-test-redis-'))
      directories.push(directory)
      const port = await freePort()
      const file = join(directory, 'redis.conf')
      const storage =
        config === '' ? 'save ""\nappendonly no\nmaxmemory-policy noeviction\nrepl-diskless-sync-delay 0\n' : ''
      await writeFile(file, `port ${port}\nbind 127.0.0.1\ndir ${directory}\n${storage}${config}`)
      const child = spawn(await findRedisServer(), [file, ...options], { stdio: 'ignore' })
      children.add(child)
      const control = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: 1, enableReadyCheck: false })
      control.on('error', () => undefined)
      const server = { port, child, control }
      started.push(server)
      await eventually(async () => (await control.info('server')).includes(`process_id:${child.pid}\r`), SECONDS)
      return server
    },
    end,
    async stop() {
      await Promise.all(started.map(end))
      await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })))
    },
  }
}

async function meet({ control }: Server, other: Server): Promise<void> {
  const [, bus] = (await other.control.config('GET', 'cluster-port')) as [string, string]
  await control.call('CLUSTER', 'MEET', '127.0.0.1', String(other.port), bus)
}

async function moveSlot(masters: readonly Server[], key: string, pauseMs: number): Promise<void> {
  const [first] = masters as [Server]
  const slot = Number(await first.control.cluster('KEYSLOT', key))
  const ids = await Promise.all(masters.map(async ({ control }) => String(await control.cluster('MYID'))))
  const slots = (await first.control.call('CLUSTER', 'SLOTS')) as [number, number, [string, number, string]][]
  const at = ids.indexOf(slots.find(([from, to]) => from <= slot && slot <= to)?.[2][2] ?? '')
  const to = (at + 1) % masters.length
  const [source, target] = [masters[at] as Server, masters[to] as Server]
  const [sourceId, targetId] = [ids[at] ?? '', ids[to] ?? '']
  await target.control.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId)
  await source.control.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId)
  for (;;) {
    await setTimeout(pauseMs)
    const [next] = (await source.control.call('CLUSTER', 'GETKEYSINSLOT', slot, 1)) as string[]
    if (next === undefined) break
    await source.control.call('MIGRATE', '127.0.0.1', target.port, next, 0, 5_000)
  }
  const others = masters.filter((one) => one !== source && one !== target)
  for (const { control } of [target, source, ...others])
    await control.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId)
}

async function isWhole(control: Redis, nodes: number): Promise<boolean> {
  const info = String(await control.cluster('INFO'))
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes}\r`)
}

async function isReplicating({ control }: Server): Promise<boolean> {
  return (await control.info('replication')).includes('master_link_status:up')
}

async function isMaster({ control }: Server): Promise<boolean> {
  return (await control.info('replication')).includes('role:master')
}

/** A stopped replica does not connect again, and finds nothing in its old connection. */
async function cutOff(master: Server, replica: Server, key: string): Promise<Record<string, string>> {
  await eventually(
    async () => (await offset(replica, 'slave_repl_offset')) === (await offset(master, 'master_repl_offset')),
  )
  // In a cluster a replica shows what it has only to who asks for that.
  if ((await replica.control.info('cluster')).includes('cluster_enabled:1')) await replica.control.readonly()
  const kept = await replica.control.hgetall(key)
  replica.child.kill('SIGSTOP')
  await master.control.call('CLIENT', 'KILL', 'TYPE', 'replica')
  return kept
}

async function offset({ control }: Server, name: string): Promise<string | undefined> {
  return new RegExp(`${name}:(\\d+)`).exec(await control.info('replication'))?.[1]
}

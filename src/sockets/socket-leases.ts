import { randomBytes } from 'node:crypto'
import { startLoop } from '../loop.ts'
import type { RedisConnection } from '../redis/connect.ts'
import { BEAT, PROCESSES, replacedOf, socketsOf, TAKE } from './lease-scripts.ts'

/*
 * How many sockets a user has, over all processes. Nobody is ever refused for it: over the limit the user's oldest goes.
 *
 * Each process counts its own; with Redis they count together. A process holds a lease and renews it, and sockets of a process
 * without one do not count, so those of a killed process are free within LEASE_MS. Whatever goes wrong with Redis, the process
 * goes on alone and comes back under a new name with all that it has: then nothing that it said, or could not say, under the
 * old name counts any more.
 */

/** A socket of a user, who may have `most`. */
export interface Lease<Owner> {
  connectionId: string
  userId: string
  most: number
  owner: Owner
}

export interface SocketLeases<Owner> {
  take(lease: Lease<Owner>): void
  /** Does nothing for a socket that has none. */
  give(connectionId: string): void
  /** Sockets that count here. */
  held(): number
  stop(): Promise<void>
}

const BEAT_MS = 2_000
const LEASE_MS = 10_000
/** What Redis has of a user goes this long after it was last told; it is told again well within it. */
const KEPT_MS = 3_600_000
const TELL_AGAIN_EVERY_BEATS = 600
const TOLD_AT_ONCE = 500

interface Held<Owner> extends Lease<Owner> {
  /** By the clock of Redis; '' until Redis has told. */
  opened: string
}

export function createSocketLeases<Owner>(deps: {
  redis: RedisConnection | undefined
  /** Closes a user's oldest. */
  replace: (owner: Owner) => void
  onError: (error: unknown) => void
  beatMs?: number
  leaseMs?: number
}): SocketLeases<Owner> {
  const { redis, replace, onError, beatMs = BEAT_MS, leaseMs = LEASE_MS } = deps
  const held = new Map<string, Held<Owner>>()
  const byUser = new Map<string, Set<string>>()
  let name = newName()
  /** The name that is not to count any more. */
  let before = ''
  /** Whether Redis is told of what comes and goes. */
  let joined = false
  let beats = 0

  function drop({ userId, connectionId }: Held<Owner>): void {
    held.delete(connectionId)
    const own = byUser.get(userId)
    own?.delete(connectionId)
    if (own?.size === 0) byUser.delete(userId)
  }

  /** Redis has dropped it already. */
  function takeAway(connectionId: string): void {
    const lease = held.get(connectionId)
    if (!lease) return
    drop(lease)
    replace(lease.owner)
  }

  function part(error: unknown): void {
    if (!joined) return
    joined = false
    before = name
    name = newName()
    onError(error)
  }

  async function tell(redis: RedisConnection, leases: readonly Held<Owner>[]): Promise<void> {
    const pipeline = redis.pipeline()
    for (const { userId, connectionId, most, opened } of leases) {
      pipeline.eval(TAKE, 2, PROCESSES, socketsOf(userId), name, connectionId, opened, most, KEPT_MS, replacedOf(''))
    }
    const results = (await pipeline.exec()) ?? []
    for (const [index, [error, answer]] of results.entries()) {
      if (error) throw error
      const [opened, replaced] = answer as [string, string[]]
      const lease = leases[index]
      if (lease) lease.opened = opened
      for (const connectionId of replaced) takeAway(connectionId)
    }
  }

  async function beat(redis: RedisConnection): Promise<undefined> {
    const answer = await redis.eval(BEAT, 2, PROCESSES, replacedOf(name), name, leaseMs, before)
    const [had, replaced] = answer as [number, string[]]
    for (const connectionId of replaced) takeAway(connectionId)
    const isKnown = joined && had === 1
    joined = true
    before = ''
    beats += 1
    if (!isKnown || beats % TELL_AGAIN_EVERY_BEATS === 0) await tellAll(redis)
  }

  async function tellAll(redis: RedisConnection): Promise<void> {
    const ids = [...held.keys()]
    for (let start = 0; start < ids.length; start += TOLD_AT_ONCE) {
      await tell(
        redis,
        ids.slice(start, start + TOLD_AT_ONCE).flatMap((id) => held.get(id) ?? []),
      )
    }
  }

  function forget(redis: RedisConnection | undefined, { userId, connectionId }: Held<Owner>): void {
    if (redis && joined) redis.zrem(socketsOf(userId), `${name}/${connectionId}`).catch(part)
  }

  const loop = redis && startLoop({ runOnce: () => beat(redis), everyMs: beatMs, onError: part })
  const wake = () => loop?.wake()
  redis?.on('ready', wake)

  return {
    take(lease) {
      const taken = { ...lease, opened: '' }
      const own = byUser.get(lease.userId) ?? new Set()
      held.set(lease.connectionId, taken)
      byUser.set(lease.userId, own.add(lease.connectionId))
      if (redis && joined) tell(redis, [taken]).catch(part)
      for (const connectionId of own) {
        if (own.size <= lease.most) break
        const oldest = held.get(connectionId)
        takeAway(connectionId)
        if (oldest) forget(redis, oldest)
      }
    },
    give(connectionId) {
      const lease = held.get(connectionId)
      if (!lease) return
      drop(lease)
      forget(redis, lease)
    },
    held: () => held.size,
    async stop() {
      redis?.off('ready', wake)
      await loop?.stop()
      if (redis && joined) await redis.zrem(PROCESSES, name).catch(onError)
      joined = false
    },
  }
}

/** A part of members and keys, so without a slash. */
function newName(): string {
  return randomBytes(9).toString('base64url')
}

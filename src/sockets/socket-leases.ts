import { randomBytes } from 'node:crypto'
import { startLoop } from '../loop.ts'
import type { RedisConnection } from '../redis/connect.ts'
import { BEAT, crowdedOf, PROCESSES, replacedOf, socketsOf, TAKE } from './lease-scripts.ts'

/*
 * How many sockets a user has, over all processes. Nobody is ever refused for it: over the limit the user's oldest goes.
 *
 * Each process counts its own; with Redis they count together. A process holds a lease and renews it, and sockets of a process
 * without one do not count, so those of a killed process are free within LEASE_MS. Whatever goes wrong with Redis, the process
 * goes on alone and comes back under a new name with all that it has: then nothing that it said, or could not say, under the
 * old name counts any more.
 *
 * A client that vanished keeps its connection until the sweep. So that no live one goes for it, a socket that answers nothing
 * is `silent` and goes before all others. Who is near the limit is `crowded`: of them it is worth asking often.
 */

/** A socket of a user, who may have `most`. */
export interface Lease<Owner> {
  connectionId: string
  userId: string
  most: number
  owner: Owner
}

export interface SocketLeases<Owner> {
  /** Taken again, it keeps its age; the newest `most` of a user counts. */
  take(lease: Lease<Owner>): void
  /** Whether the next sockets of its user may cost others their place. False of a socket that has no lease. */
  crowded(connectionId: string): boolean
  /** Whether its client has stopped answering, or answers again. Does nothing for a socket that has no lease. */
  setSilent(connectionId: string, silent: boolean): void
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
/** Near enough to the limit that what a client opens within some seconds could pass it. */
const CROWDED = 0.75
/** Others close sockets too, so it is found out again. */
const ASK_CROWDED_EVERY_BEATS = 15

interface Held<Owner> extends Lease<Owner> {
  /** By the clock of Redis; '' until Redis has told. */
  opened: string
  silent: boolean
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
  /** Crowded because of what they have in other processes. */
  const crowdedElsewhere = new Set<string>()
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
    if (own?.size !== 0) return
    byUser.delete(userId)
    crowdedElsewhere.delete(userId)
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

  /** @param replaces whether others go where there are too many; a `most` that was told before may be out of date */
  async function tell(redis: RedisConnection, leases: readonly Held<Owner>[], replaces: boolean): Promise<void> {
    const pipeline = redis.pipeline()
    for (const { userId, connectionId, most, opened, silent } of leases) {
      const flags = [Number(silent), Number(replaces)]
      const others = [userId, crowdFrom(most), replacedOf(''), crowdedOf('')]
      pipeline.eval(
        ...([TAKE, 2, PROCESSES, socketsOf(userId)] as const),
        ...[name, connectionId, opened, most, KEPT_MS, ...flags, ...others],
      )
    }
    const results = (await pipeline.exec()) ?? []
    for (const [index, [error, answer]] of results.entries()) {
      if (error) throw error
      const [opened, replaced, isCrowded] = answer as [string, string[], number]
      const lease = leases[index]
      if (lease) {
        lease.opened = opened
        markCrowded(lease.userId, isCrowded === 1)
      }
      for (const connectionId of replaced) takeAway(connectionId)
    }
  }

  function markCrowded(userId: string, isCrowded: boolean): void {
    if (isCrowded && byUser.has(userId)) crowdedElsewhere.add(userId)
    else crowdedElsewhere.delete(userId)
  }

  async function beat(redis: RedisConnection): Promise<undefined> {
    const answer = await redis.eval(BEAT, 3, PROCESSES, replacedOf(name), crowdedOf(name), name, leaseMs, before)
    const [had, replaced, crowded] = answer as [number, string[], string[]]
    for (const connectionId of replaced) takeAway(connectionId)
    for (const userId of crowded) markCrowded(userId, true)
    const isKnown = joined && had === 1
    joined = true
    before = ''
    beats += 1
    if (!isKnown || beats % TELL_AGAIN_EVERY_BEATS === 0) await tellAll(redis, [...held.keys()], !isKnown)
    else if (beats % ASK_CROWDED_EVERY_BEATS === 0) await tellAll(redis, oneOfEach(crowdedElsewhere), false)
  }

  async function tellAll(redis: RedisConnection, ids: readonly string[], replaces: boolean): Promise<void> {
    for (let start = 0; start < ids.length; start += TOLD_AT_ONCE) {
      const some = ids.slice(start, start + TOLD_AT_ONCE).flatMap((id) => held.get(id) ?? [])
      await tell(redis, some, replaces)
    }
  }

  function oneOfEach(userIds: Iterable<string>): string[] {
    return [...userIds].flatMap((userId) => [...(byUser.get(userId) ?? [])].slice(0, 1))
  }

  /** Silent ones first, of either the oldest. */
  function replaceTooMany(own: ReadonlySet<string>, most: number): void {
    if (own.size <= most) return
    const leases = [...own].flatMap((id) => held.get(id) ?? [])
    const order = [...leases.filter(({ silent }) => silent), ...leases.filter(({ silent }) => !silent)]
    for (const lease of order.slice(0, own.size - most)) {
      takeAway(lease.connectionId)
      forget(redis, lease)
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
      const { connectionId, userId, most } = lease
      const taken = { ...lease, opened: held.get(connectionId)?.opened ?? '', silent: false }
      const own = (byUser.get(userId) ?? new Set()).add(connectionId)
      held.set(connectionId, taken)
      byUser.set(userId, own)
      for (const id of own) {
        const other = held.get(id)
        if (other) other.most = most
      }
      if (redis && joined) tell(redis, [taken], true).catch(part)
      replaceTooMany(own, most)
    },
    crowded(connectionId) {
      const lease = held.get(connectionId)
      if (!lease) return false
      const { userId, most } = lease
      return (byUser.get(userId)?.size ?? 0) >= crowdFrom(most) || crowdedElsewhere.has(userId)
    },
    setSilent(connectionId, silent) {
      const lease = held.get(connectionId)
      if (!lease || lease.silent === silent) return
      lease.silent = silent
      if (redis && joined) tell(redis, [lease], false).catch(part)
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

function crowdFrom(most: number): number {
  return Math.ceil(CROWDED * most)
}

/** A part of members and keys, so without a slash. */
function newName(): string {
  return randomBytes(9).toString('base64url')
}

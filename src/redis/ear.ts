import { Cluster, Command, type Redis } from 'ioredis'
import type { Logger } from '../telemetry/log.ts'
import { connectMember, connectRedis, type RedisConnection } from './connect.ts'
import { parseRedisUrl } from './place.ts'

/*
 * Hears what is published on channels, whatever links that takes. One Redis, or the master that Sentinels name, is one link. In a
 * cluster a channel lies in a slot as a key does, and only the server that has the slot tells of it (sharded publish/subscribe):
 * so there is a link to each master, and a channel moves to another link when its slot moves to another server.
 *
 * Publish/subscribe forgets what is said while nobody hears. Whenever that may have been, the owner is told (`onBack`).
 */
export interface Ear {
  /** Rejects when one of them is not heard now; others may be, until `leave`. */
  hear(...channels: string[]): Promise<void>
  leave(channel: string): void
  /** Rejects when a link is dead; of those that are being made anew nothing is asked. */
  check(): Promise<void>
  close(): void
}

/** The link on which a channel is heard; the same object only for those that were asked for together. */
interface Place {
  server: string
}

/** A server that was found a moment ago is being connected to. */
const READY_WITHIN_MS = 1_000
/** The only link, where there is no cluster. */
const ONE = ''

export function createEar(deps: {
  url: string
  /** Knows which server of a cluster has what. */
  commands: RedisConnection
  name: string
  log: Logger
  onMessage: (channel: string, text: string) => void
  /** What was published on some channel may have been missed; from now on it is heard. */
  onBack: () => void
  onError: (error: unknown) => void
}): Ear {
  const { commands, onMessage, onError } = deps
  const place = parseRedisUrl(deps.url)
  const cluster = commands instanceof Cluster ? commands : null
  const links = new Map<string, Redis>()
  const heard = new Map<string, Place>()
  let closed = false

  function serverOf(channel: string): string {
    if (!cluster) return ONE
    const slot = new Command('ssubscribe', [channel]).getSlot() ?? 0
    const server = cluster.slots[slot]?.[0]
    if (server === undefined) throw new Error('No server of the cluster has the channel')
    return server
  }

  function linkTo(server: string): Redis {
    const known = links.get(server)
    if (known) return known
    const options = { name: deps.name, log: deps.log, kind: 'subscriber' } as const
    const link =
      place?.kind === 'cluster'
        ? connectMember(place, addressOf(server), options)
        : (connectRedis(deps.url, options) as Redis)
    links.set(server, link)
    link.on('ready', () => hearAgain(server, link).catch(onError))
    link.on(cluster ? 'smessage' : 'message', onMessage)
    // The server does not have a slot any more.
    link.on('moved', () => cluster?.refreshSlotsCache())
    return link
  }

  async function subscribe(link: Redis, channels: readonly string[]): Promise<void> {
    if (link.status === 'connecting' || link.status === 'connect') await untilReady(link)
    if (!cluster) return void (await link.subscribe(...channels))
    await Promise.all(channels.map((channel) => link.ssubscribe(channel)))
  }

  /** After the link was cut; when that fails, the link is made anew. */
  async function hearAgain(server: string, link: Redis): Promise<void> {
    const channels = [...heard].flatMap(([channel, at]) => (at.server === server ? [channel] : []))
    if (channels.length === 0) return
    try {
      await subscribe(link, channels)
    } catch (error) {
      if (links.get(server) === link && link.status === 'ready') link.disconnect(true)
      throw error
    }
    deps.onBack()
  }

  async function hearOn(place: Place, channels: readonly string[]): Promise<void> {
    for (const channel of channels) heard.set(channel, place)
    await subscribe(linkTo(place.server), channels)
  }

  /** Slots have moved to other servers, or servers have come and gone. */
  async function follow(): Promise<void> {
    if (!cluster || closed) return
    const servers = new Set(cluster.slots.map((nodes) => nodes?.[0] ?? ''))
    for (const server of servers) if (server !== '') linkTo(server)
    const moved = [...heard.keys()].filter((channel) => heard.get(channel)?.server !== serverOf(channel))
    for (const [server, link] of links) {
      if (servers.has(server)) continue
      links.delete(server)
      link.disconnect()
    }
    if (moved.length === 0) return
    await Promise.all([...byServer(moved)].map(([server, channels]) => hearOn({ server }, channels)))
    deps.onBack()
  }

  function byServer(channels: readonly string[]): Map<string, string[]> {
    const groups = new Map<string, string[]>()
    for (const channel of channels) {
      const server = serverOf(channel)
      groups.set(server, [...(groups.get(server) ?? []), channel])
    }
    return groups
  }

  function followed(): void {
    follow().catch(onError)
  }

  if (cluster) cluster.on('refresh', followed)
  else linkTo(ONE)

  return {
    async hear(...channels) {
      await Promise.all(
        [...byServer(channels)].map(async ([server, own]) => {
          const place = { server }
          try {
            await hearOn(place, own)
          } catch (error) {
            for (const channel of own) if (heard.get(channel) === place) heard.delete(channel)
            if (String(error).includes('MOVED')) cluster?.refreshSlotsCache()
            throw error
          }
        }),
      )
    },
    leave(channel) {
      const link = links.get(heard.get(channel)?.server ?? ONE)
      heard.delete(channel)
      if (link?.status !== 'ready') return
      const left = cluster ? link.sunsubscribe(channel) : link.unsubscribe(channel)
      left.catch(onError)
    },
    async check() {
      const ready = [...links.values()].filter(({ status }) => status === 'ready')
      await Promise.all(ready.map((link) => link.ping()))
    },
    close() {
      closed = true
      cluster?.off('refresh', followed)
      for (const link of links.values()) link.disconnect()
    },
  }
}

function addressOf(server: string): { host: string; port: number } {
  const at = server.lastIndexOf(':')
  return { host: server.slice(0, at), port: Number(server.slice(at + 1)) }
}

async function untilReady(link: Redis): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(fail, READY_WITHIN_MS)
    function end(): void {
      clearTimeout(timer)
      link.off('ready', ready).off('close', fail)
    }
    function ready(): void {
      end()
      resolve()
    }
    function fail(): void {
      end()
      reject(new Error('The server of the channel cannot be reached'))
    }
    link.once('ready', ready).once('close', fail)
  })
}

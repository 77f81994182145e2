import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/**
 * A link to a server on loopback that can be made slow, silent or cut, for what a firewall, a failing network or a lost
 * packet does. Bytes pass in order; nothing is parsed.
 */
export interface FaultProxy {
  port: number
  /** How many bytes were swallowed so far. */
  swallowed(): number
  /** Each chunk of either direction comes so much later. */
  delay(ms: number): void
  /**
   * The link is half open: whatever is sent is taken and lost, and nobody is told. Connections of that time stay silent
   * for ever, also after `mend`.
   */
  goSilent(): void
  /** Ends all connections by RST; new ones pass. */
  reset(): void
  /** Ends all connections by RST and refuses new ones. */
  cut(): Promise<void>
  /**
   * Once a client has sent bytes that hold `request`, the answer that ends with `end` is swallowed and the connection ended
   * by RST: the server has done it, and the client does not know.
   */
  cutReply(rule: { request: string; end: Buffer; times: number }): void
  /** Passes only half of the next chunk of at least so many bytes that a client sends, and ends the connection by RST. */
  cutRequest(rule: { bytes: number; times: number }): void
  /** How many of the asked cuts are still to be made. */
  cutsLeft(): number
  /** Takes connections again and lets everything pass. */
  mend(): Promise<void>
  close(): Promise<void>
}

interface Link {
  near: Socket
  far: Socket
  silent: boolean
  /** A request was seen whose reply is to be cut. */
  awaited: Buffer | undefined
}

export async function startFaultProxy(target: number): Promise<FaultProxy> {
  const links = new Set<Link>()
  let server: Server | undefined
  let delayMs = 0
  let silent = false
  let swallowed = 0
  let replies = { request: '', end: Buffer.of() as Buffer, times: 0 }
  let requests = { bytes: 0, times: 0 }

  function open(near: Socket): void {
    const link: Link = { near, far: connect(target, '127.0.0.1'), silent, awaited: undefined }
    links.add(link)
    relay(link, near, link.far, sent)
    relay(link, link.far, near, answered)
  }

  function relay(link: Link, from: Socket, to: Socket, inspect: (link: Link, chunk: Buffer) => boolean): void {
    from.setNoDelay(true)
    from.on('error', () => undefined)
    from.on('close', () => {
      // A silent link does not even tell that one side has gone.
      if (!link.silent) to.destroy()
      if (to.destroyed) links.delete(link)
    })
    from.on('end', () => link.silent || to.end())
    from.on('data', (chunk: Buffer) => {
      if (link.silent) swallowed += chunk.length
      else if (inspect(link, chunk)) pass(to, from, chunk)
    })
  }

  function pass(to: Socket, from: Socket, chunk: Buffer): void {
    if (delayMs > 0) setTimeout(() => to.destroyed || to.write(chunk), delayMs)
    else if (!to.write(chunk)) {
      from.pause()
      to.once('drain', () => from.resume())
    }
  }

  function sent(link: Link, chunk: Buffer): boolean {
    if (requests.times > 0 && chunk.length >= requests.bytes) {
      requests.times -= 1
      link.far.write(chunk.subarray(0, chunk.length / 2), () => end(link))
      return false
    }
    if (replies.times > 0 && link.awaited === undefined && chunk.includes(replies.request)) {
      replies.times -= 1
      link.awaited = replies.end
    }
    return true
  }

  function answered(link: Link, chunk: Buffer): boolean {
    if (link.awaited === undefined) return true
    swallowed += chunk.length
    const { length } = link.awaited
    if (chunk.subarray(-length).equals(link.awaited)) end(link)
    return false
  }

  function end(link: Link): void {
    links.delete(link)
    link.near.resetAndDestroy()
    link.far.destroy()
  }

  function reset(): void {
    for (const link of links) end(link)
  }

  async function listen(port: number): Promise<number> {
    server = createServer(open)
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  async function cut(): Promise<void> {
    if (server?.listening) {
      const closed = once(server, 'close')
      server.close()
      reset()
      await closed
    }
  }

  const port = await listen(0)
  return {
    port,
    swallowed: () => swallowed,
    delay(ms) {
      delayMs = ms
    },
    goSilent() {
      silent = true
      for (const link of links) link.silent = true
    },
    reset,
    cut,
    cutReply(rule) {
      replies = { ...rule }
    },
    cutRequest(rule) {
      requests = { ...rule }
    },
    cutsLeft: () => replies.times + requests.times,
    async mend() {
      silent = false
      delayMs = 0
      replies = { ...replies, times: 0 }
      requests = { ...requests, times: 0 }
      if (!server?.listening) await listen(port)
    },
    async close() {
      silent = false
      await cut()
    },
  }
}

import { createServer, type Server } from 'node:http'
import type { Registry } from 'prom-client'
import type { Closers } from '../closers.ts'
import type { Config } from '../config.ts'
import type { Logger } from './log.ts'

/** Processes of one machine share the setting: each takes the first port that is free from there on. */
const PORTS_TRIED = 50

/** Serves `/metrics` on a port of its own, for a network that only the monitoring reaches; nothing when none is configured. */
export async function openMetrics(deps: {
  registry: Registry
  config: Config
  closers: Closers
  log: Logger
}): Promise<number | null> {
  const { registry, config, closers, log } = deps
  const { port: first } = config.metrics
  if (first === undefined) return null
  for (let port = first; port < first + PORTS_TRIED; port += 1) {
    const server = createMetricsServer(registry)
    if (!(await listening(server, port, config.server.host))) continue
    closers.add('metrics', () => closeServer(server))
    const address = server.address()
    const taken = typeof address === 'object' && address !== null ? address.port : port
    log.info({ port: taken }, 'metrics.started')
    return taken
  }
  throw new Error(`No port from ${first} to ${first + PORTS_TRIED - 1} is free for metrics`)
}

function createMetricsServer(registry: Registry): Server {
  return createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    try {
      const text = await registry.metrics()
      response.writeHead(200, { 'Content-Type': registry.contentType }).end(text)
    } catch {
      response.writeHead(500).end()
    }
  })
}

function listening(server: Server, port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    )
    server.listen(port, host, () => resolve(true))
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'

export interface HttpMetrics {
  requestFinished(method: string, route: string, status: number, seconds: number): void
}

/** A registry of one process, with what Node tells about itself (event-loop lag, memory, garbage collection). */
export function createRegistry(part: string): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ part })
  collectDefaultMetrics({ register: registry })
  return registry
}

export function createHttpMetrics(registry: Registry): HttpMetrics {
  const duration = new Histogram({
    name: 'ara_http_request_duration_seconds',
    help: 'REST requests by route template and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  })
  return {
    requestFinished: (method, route, status, seconds) => duration.observe({ method, route, status }, seconds),
  }
}

import assert from 'node:assert/strict'
import { eventually } from '../../support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { freePort } from '../../support/ports.ts'
import { postgresUrl } from '../../support/postgres.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'
import { assertEnvelope } from './assert-envelope.ts'

const METRICS_TOKEN = 'a-token-of-the-monitoring'

describe('the health of a process', () => {
  let system: WebSystem
  let database: FaultProxy
  before(async () => {
    database = await startFaultProxy(Number(new URL(postgresUrl('postgres')).port))
    system = await startWebSystem({}, { databasePort: database.port })
  })
  after(async () => {
    await system?.stop()
    await database.close()
  })

  const ready = () => system.call('GET', '/health/ready')

  it('is live and ready when every part is there', async () => {
    const live = await system.call('GET', '/health/live')
    assert.deepEqual([live.status, live.body], [200, { status: 'live' }])
    const { status, body } = await ready()
    const parts = { database: 'ok', partitions: 'ok', backplane: 'ok' }
    assert.deepEqual([status, body], [200, { status: 'ready', parts }])
  })

  it('names the part that is down and not its address, and stays live', async () => {
    await database.cut()
    try {
      const { status, body, text } = await ready()
      assert.deepEqual([status, body.status, body.parts.backplane], [503, 'not_ready', 'ok'])
      const reason = /^unavailable \((ECONN(REFUSED|RESET)|no connection|timeout)\)$/
      assert.match(body.parts.database, reason)
      assert.match(body.parts.partitions, reason)
      assert.ok(!text.includes('127.0.0.1') && !text.includes(String(database.port)))
      assert.equal((await system.call('GET', '/health/live')).status, 200)
    } finally {
      await database.mend()
    }
    await eventually(async () => assert.equal((await ready()).status, 200))
  })

  it('is not ready when tomorrow has no partition', async () => {
    const [row] = await system.db.query<{ name: string }>({
      text: "SELECT 'events_' || to_char(now() AT TIME ZONE 'UTC' + interval '1 day', 'YYYYMMDD') AS name",
    })
    await system.db.query({ text: `DROP TABLE ${row?.name}` })
    const { status, body } = await ready()
    assert.equal(status, 503)
    assert.deepEqual(body.parts, { database: 'ok', partitions: 'unavailable (1 days ahead)', backplane: 'ok' })
  })
})

describe('the metrics of a process', () => {
  it('are not there without a setting', async () => {
    const system = await startWebSystem()
    try {
      assert.equal(system.metricsPort, null)
      assertEnvelope(await system.call('GET', '/metrics'), 404, 'not_found')
      assert.equal((await system.call('GET', '/metrics', { token: system.token('root', 'admin') })).status, 404)
    } finally {
      await system.stop()
    }
  })

  it('are shown to whoever has METRICS_TOKEN', async () => {
    const system = await startWebSystem({ METRICS_TOKEN })
    try {
      for (const token of [system.token('root', 'admin'), 'x', `${METRICS_TOKEN}x`]) {
        assertEnvelope(await system.call('GET', '/metrics', { token }), 401, 'unauthorized')
      }
      assert.equal((await system.call('GET', '/metrics')).status, 401)
      await system.call('GET', '/api/v1/events/evt_1', { token: system.token('alice') })
      const { status, headers, text } = await system.call('GET', '/metrics', { token: METRICS_TOKEN })
      assert.equal(status, 200)
      assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
      assert.match(text, /^nodejs_eventloop_lag_seconds\{/m)
      assert.equal(requests(text, 'method="GET",route="/api/v1/events/:id",status="404"'), 1)
    } finally {
      await system.stop()
    }
  })

  it('do not grow with what clients make up', async () => {
    const system = await startWebSystem({ METRICS_TOKEN })
    try {
      for (const path of ['/made-up', '/health/live/made-up', '/api/v1/events/made-up/up']) {
        assertEnvelope(await system.call('BREW', path), 400, 'bad_request')
        assertEnvelope(await system.call('SEARCH', path), 501, 'not_implemented')
      }
      const { text } = await system.call('GET', '/metrics', { token: METRICS_TOKEN })
      assert.doesNotMatch(text, /BREW|made-up/)
      assert.equal(requests(text, 'method="SEARCH",route="unknown",status="501"'), 3)
    } finally {
      await system.stop()
    }
  })

  it('have a port of their own with METRICS_PORT, or the next one that is free', async () => {
    const port = await freePort()
    const settings = { METRICS_PORT: String(port) }
    const systems: WebSystem[] = []
    try {
      for (let count = 0; count < 2; count += 1) systems.push(await startWebSystem(settings))
      const ports = systems.map((system) => system.metricsPort ?? 0)
      assert.deepEqual([ports[0], (ports[1] ?? 0) > port], [port, true])
      for (const own of ports) {
        const answer = await fetch(`http://127.0.0.1:${own}/metrics`)
        assert.match(await answer.text(), /^nodejs_eventloop_lag_seconds\{/m)
        assert.equal((await fetch(`http://127.0.0.1:${own}/`)).status, 404)
      }
      assert.equal((await systems[0]?.call('GET', '/metrics'))?.status, 404)
    } finally {
      for (const system of systems) await system.stop()
    }
  })
})

/** How many requests with these labels were counted. */
function requests(metrics: string, labels: string): number {
  const lines = metrics.split('\n').filter((line) => line.startsWith('ara_http_request_duration_seconds_count'))
  return Number(
    lines
      .find((line) => line.includes(labels))
      ?.split(' ')
      .at(-1),
  )
}

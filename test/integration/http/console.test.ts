import assert from 'node:assert/strict'
import { readConsoleFiles } from '../../../src/http/console-files.ts'
import { startWebSystem, type WebSystem } from '../../support/web-system.ts'
import { assertEnvelope } from './assert-envelope.ts'

const KIB = 1024
const MOST_AT_FIRST = 150 * KIB

/** Needs `npm run build`. */
describe('the console as it is served', () => {
  let system: WebSystem
  before(async () => {
    system = await startWebSystem()
  })
  after(() => system.stop())

  const get = (path: string, headers: Record<string, string> = {}) => system.call('GET', path, { headers })
  const assetsOf = (page: string) => [...page.matchAll(/"(\/console\/assets\/[^"]+)"/g)].map(([, path = '']) => path)

  it('is one page for every view, which is asked for anew each time', async () => {
    const page = await get('/console')
    assert.equal(page.status, 200)
    assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.equal(page.headers.get('cache-control'), 'no-cache')
    for (const path of ['/console/', '/console/webhooks', '/console/webhooks/wh_1/deliveries/dlv_1']) {
      assert.equal((await get(path)).text, page.text, path)
    }
    const etag = page.headers.get('etag') ?? ''
    const again = await get('/console', { 'if-none-match': etag, 'cache-control': 'max-age=0' })
    assert.deepEqual([again.status, again.text, again.headers.get('etag')], [304, '', etag])
    assert.equal((await get('/consoles')).status, 404)
    assert.equal((await system.call('POST', '/console')).status, 404)
  })

  it('is where browsers are sent that ask for nothing, and nobody else', async () => {
    const root = (accept: string, method = 'GET') =>
      fetch(`${system.base}/`, { method, headers: { accept }, redirect: 'manual' })
    const browser = await root('text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8')
    assert.deepEqual([browser.status, browser.headers.get('location')], [302, '/console'])
    assertEnvelope(await system.call('GET', '/'), 404, 'not_found')
    for (const [accept, method] of [['application/json'], ['*/*'], ['text/html', 'POST']] as const) {
      assert.equal((await root(accept, method)).status, 404)
    }
  })

  it('lets browsers keep its assets, whose names change with what is in them', async () => {
    const paths = assetsOf((await get('/console')).text)
    assert.ok(paths.length >= 2)
    for (const path of paths) {
      const asset = await get(path)
      assert.equal(asset.status, 200)
      assert.equal(asset.headers.get('cache-control'), 'public, max-age=31536000, immutable')
      assert.match(path, /-[\w-]{8}\.(js|css|svg)$/)
    }
    assertEnvelope(await get('/console/assets/index-00000000.js'), 404, 'not_found')
    for (const path of ['/console/../package.json', '/console/assets/..%2f..%2fpackage.json']) {
      assert.doesNotMatch((await get(path)).text, /"dependencies"/)
    }
  })

  it('allows nothing inline, nothing from elsewhere and no frame around it', async () => {
    for (const path of ['/console', assetsOf((await get('/console')).text)[0] ?? '']) {
      const { headers } = await get(path)
      const policy = headers.get('content-security-policy') ?? ''
      assert.doesNotMatch(policy, /unsafe|\*/)
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/)
      assert.ok(
        policy.includes(`connect-src 'self' ws://127.0.0.1:${system.port} wss://127.0.0.1:${system.port};`),
        policy,
      )
      assert.match(policy, /frame-ancestors 'none'/)
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
      assert.equal(headers.get('x-frame-options'), 'DENY')
      assert.equal(headers.get('referrer-policy'), 'no-referrer')
    }
    assert.doesNotMatch((await get('/console')).text, /<script(?![^>]* src=)|<style|style=/)
  })

  it('loads less than 150 KiB at first, as they are sent', async () => {
    const page = await get('/console')
    let sent = 0
    for (const path of ['/console', ...assetsOf(page.text)]) {
      const file = readConsoleFiles()?.get(path.replace(/^\/console\/?/, '') || 'index.html')
      const response = await fetch(system.base + path, { headers: { 'accept-encoding': 'gzip' } })
      assert.equal(response.headers.get('content-encoding'), 'gzip')
      assert.equal(Number(response.headers.get('content-length')), file?.gzipped.length)
      assert.equal(await response.text(), file?.bytes.toString())
      sent += file?.gzipped.length ?? 0
    }
    assert.ok(sent > 10 * KIB && sent < MOST_AT_FIRST, `${sent} bytes`)
  })

  it('shows what an operator looks at to admins', async () => {
    const token = system.token('root', 'admin')
    const { body } = await system.call('GET', '/api/v1/admin/overview', { token })
    assert.equal(body.open_deliveries, 0)
    assert.equal(body.oldest_due_seconds, 0)
    assert.deepEqual(body.lanes_waiting, { quick: 0, slow: 0, alone: 0 })
    assert.deepEqual(body.breakers, { open: 0, probing: 0, ramping: 0 })
    assert.deepEqual([body.attempts.sample, body.attempts.p50_ms], [0, null])
    assert.ok(body.process.requests > 0)
    const event = { event_type: 'system_error', data: { message: 'm' } }
    await system.call('POST', '/api/v1/events', { token, body: event })
    const later = (await system.call('GET', '/api/v1/admin/overview', { token })).body
    assert.equal(later.process.events, body.process.events + 1)
    assert.equal(later.process.id, body.process.id)
  })
})

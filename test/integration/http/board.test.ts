import assert from 'node:assert/strict'
import type { Browser, Page } from 'playwright-core'
import { launchChromium } from '../../support/sample-runtimes.ts'
import { type Call, startWebSystem, type WebSystem } from '../../support/web-system.ts'
import { assertEnvelope } from './assert-envelope.ts'

const BOARD = '/admin/queues'
const QUEUES = `${BOARD}/api/queues`
const FORM = 'application/x-www-form-urlencoded'

describe('the queue board', () => {
  let system: WebSystem
  let admin: string
  before(async () => {
    system = await startWebSystem()
    admin = system.token('root', 'admin')
  })
  after(() => system.stop())

  const logIn = (token: string, headers: Record<string, string> = { origin: system.base }) =>
    system.call('POST', `${BOARD}/login`, { body: `token=${token}`, headers: { 'content-type': FORM, ...headers } })
  const cookieOf = async (token: string) => (await logIn(token)).headers.get('set-cookie')?.split(';')[0] ?? ''

  it('sends a browser to the login and tells a program that it needs a token', async () => {
    const accept = 'text/html,application/xhtml+xml,*/*;q=0.8'
    for (const path of [BOARD, `${BOARD}/`, `${BOARD}/queue/deliveries`]) {
      const { status, headers } = await system.call('GET', path, { headers: { accept } })
      assert.deepEqual([status, headers.get('location')], [302, `${BOARD}/login`])
    }
    for (const headers of [{}, { accept: 'application/json' }]) {
      const answer = await system.call('GET', QUEUES, { headers })
      assertEnvelope(answer, 401, 'unauthorized')
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
    }
    const login = await system.call('GET', `${BOARD}/login`, { headers: { accept } })
    assert.deepEqual([login.status, login.headers.get('content-type')], [200, 'text/html; charset=utf-8'])
  })

  it('shows its pages and its API to the bearer token or API key of an admin', async () => {
    const { status, body } = await system.call('GET', QUEUES, { token: admin })
    assert.equal(status, 200)
    assert.deepEqual(
      body.queues.map((queue: { name: string }) => queue.name),
      ['deliveries', 'deliveries-slow', 'deliveries-alone'],
    )
    const page = await system.call('GET', BOARD, { token: admin })
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/)
    const key = (await system.call('POST', '/api/v1/auth/api-keys', { token: admin, body: { name: 'k' } })).body.key
    assert.equal((await system.call('GET', QUEUES, { headers: { cookie: await cookieOf(key) } })).status, 200)
  })

  it('refuses other roles and bad tokens, sent along or at the login', async () => {
    for (const role of ['readonly', 'user', 'producer'] as const) {
      const token = system.token('alice', role)
      assertEnvelope(await system.call('GET', QUEUES, { token }), 403, 'forbidden')
      const login = await logIn(token)
      assert.deepEqual([login.status, login.headers.get('set-cookie')], [403, null])
      const headers = { cookie: `ara_board=${token}` }
      assertEnvelope(await system.call('GET', QUEUES, { headers }), 403, 'forbidden')
    }
    assertEnvelope(await system.call('GET', QUEUES, { token: 'bad' }), 401, 'unauthorized')
    assertEnvelope(await system.call('GET', QUEUES, { headers: { cookie: 'ara_board=bad' } }), 401, 'unauthorized')
    for (const token of ['bad', '', '%22%3E%3Cscript%3E']) {
      const login = await logIn(token)
      assert.deepEqual([login.status, login.headers.get('set-cookie')], [401, null])
      assert.match(login.text, /role="alert"/)
      assert.doesNotMatch(login.text, /<script/)
    }
  })

  it('keeps the token in a cookie of its own pages that no script and no other site can use', async () => {
    const { status, headers } = await logIn(admin)
    assert.deepEqual([status, headers.get('location')], [303, BOARD])
    const [pair, ...attributes] = headers.get('set-cookie')?.split('; ') ?? []
    assert.equal(pair, `ara_board=${admin}`)
    const age = Number(attributes.find((one) => one.startsWith('Max-Age='))?.slice('Max-Age='.length))
    assert.ok(age > 3500 && age <= 3600, `${age} s is not until the token ends`)
    assert.deepEqual(
      attributes.filter((one) => !one.startsWith('Max-Age=')),
      [`Path=${BOARD}`, 'HttpOnly', 'SameSite=Strict'],
    )
    const behindTls = await logIn(admin, { origin: system.base, 'x-forwarded-proto': 'https' })
    assert.match(behindTls.headers.get('set-cookie') ?? '', /; Secure$/)
  })

  it('ends with a logout', async () => {
    const headers = { cookie: await cookieOf(admin), origin: system.base }
    const { status, headers: answered } = await system.call('POST', `${BOARD}/logout`, { headers })
    assert.deepEqual([status, answered.get('location')], [303, `${BOARD}/login`])
    assert.match(answered.get('set-cookie') ?? '', /^ara_board=; .*Max-Age=0;/)
  })

  it('refuses what another site makes a browser send', async () => {
    const cookie = await cookieOf(admin)
    const change = (headers: Record<string, string>, more: Call = {}) =>
      system.call('PUT', `${QUEUES}/deliveries/pause`, { ...more, headers: { cookie, ...headers } })
    const foreign = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `${system.base}.evil.example` },
      { 'sec-fetch-site': 'cross-site' },
      {},
    ] as Record<string, string>[]
    for (const headers of foreign) {
      assertEnvelope(await change(headers), 403, 'forbidden')
      assertEnvelope(await logIn(admin, headers), 403, 'forbidden')
      assertEnvelope(
        await system.call('POST', `${BOARD}/logout`, { headers: { cookie, ...headers } }),
        403,
        'forbidden',
      )
    }
    assertEnvelope(await change({ origin: 'https://evil.example' }, { token: admin }), 403, 'forbidden')
  })

  it('changes nothing, unless the setting lets it', async () => {
    const isPaused = async (of: WebSystem) =>
      (await of.call('GET', QUEUES, { token: of.token('root', 'admin') })).body.queues[0].isPaused
    const change = (of: WebSystem, action: string) =>
      of.call('PUT', `${QUEUES}/deliveries/${action}`, { token: of.token('root', 'admin') })
    for (const action of ['pause', 'empty', 'obliterate', 'clean/failed', 'retry/failed', 'promote']) {
      const { status } = await change(system, action)
      assert.ok(status >= 400 && status < 500, `${action}: ${status}`)
    }
    assert.equal(await isPaused(system), false)
    const writable = await startWebSystem({ BOARD_READ_ONLY: 'false' })
    try {
      assert.equal((await change(writable, 'pause')).status, 200)
      assert.equal(await isPaused(writable), true)
    } finally {
      await writable.stop()
    }
  })

  describe('in a browser', () => {
    let browser: Browser
    let page: Page
    const complaints: string[] = []
    const hosts = new Set<string>()
    before(async () => {
      browser = await launchChromium()
      page = await browser.newPage()
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('request', (request) => hosts.add(new URL(request.url()).host))
      page.on('response', (response) => {
        if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`)
      })
    })
    after(() => browser?.close())

    it('logs in, shows the queue, and asks nobody but this server', async () => {
      await page.goto(`${system.base}${BOARD}`)
      assert.equal(new URL(page.url()).pathname, `${BOARD}/login`)
      await page.fill('#token', admin)
      await page.click('button')
      await page.getByRole('link', { name: 'deliveries' }).first().waitFor()
      await page.goto(`${system.base}${BOARD}/queue/deliveries`)
      await page.getByRole('heading', { name: 'deliveries' }).waitFor()
      await page.waitForLoadState('networkidle')
      assert.equal(await page.evaluate('document.cookie'), '')
      assert.deepEqual(complaints, [])
      assert.deepEqual([...hosts], [new URL(system.base).host])
    })
  })
})

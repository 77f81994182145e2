import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page, Route } from 'playwright-core'
import { type ConsoleData, makeConsoleData } from '../support/console-data.ts'
import { type ConsoleStage, openPage, startConsoleStage } from '../support/console-stage.ts'
import { eventually } from '../support/eventually.ts'

interface Finding {
  id: string
  impact: string | null
  nodes: { target: string[]; failureSummary?: string }[]
}

const API = '**/api/v1/**'
const REFUSAL = {
  ...{ error: 'unavailable', message: 'The database is not available.', details: null, request_id: '01a2' },
  timestamp: '2026-11-25T12:00:00.000Z',
}

describe('the console, for axe', function () {
  this.timeout(240_000)

  let stage: ConsoleStage
  let data: ConsoleData
  let axe: string
  before(async () => {
    stage = await startConsoleStage({ DELIVERY_RETRY_BASE_MS: '600000', DEMO_FEED: 'false' })
    data = await makeConsoleData(stage)
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  })
  after(() => stage?.stop())

  const views = () => ({
    streams: '/streams/TSLA',
    webhooks: '/webhooks',
    'a new webhook': '/webhooks/new',
    'a webhook': `/webhooks/${data.failing}`,
    deliveries: '/deliveries',
    'a delivery': `/webhooks/${data.failing}/deliveries/${data.delivery}`,
    events: '/events',
    'an event': `/events/${data.event}`,
    publishing: '/events/publish',
    keys: '/keys',
    operations: '/operations',
  })

  /** Of what is shown, in both themes; the second differs from the first in its colours only. */
  async function serious(page: Page): Promise<string[]> {
    const found: string[] = []
    await page.evaluate(axe)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
      const only = colorScheme === 'dark' ? ", runOnly: ['color-contrast']" : ''
      const run = `axe.run({ resultTypes: ['violations']${only} }).then(({ violations }) => violations)`
      const violations = await page.evaluate<Finding[]>(run)
      for (const { id, impact, nodes } of violations) {
        if (impact !== 'serious' && impact !== 'critical') continue
        found.push(...nodes.map(({ target, failureSummary }) => `${colorScheme}: ${id} ${target} ${failureSummary}`))
      }
    }
    return found
  }

  async function check(page: Page, paths: Record<string, string>, settled: (page: Page) => Promise<unknown>) {
    for (const [name, path] of Object.entries(paths)) {
      await page.goto(stage.base + path)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await settled(page)
      assert.deepEqual(await serious(page), [], name)
    }
    await page.context().close()
  }

  const noSkeletons = (page: Page) =>
    eventually(async () => (await page.locator('.skeleton').count()) === 0, { timeoutMs: 60_000 })

  it('has no serious issue on any view with data, nor at the width of a phone', async () => {
    await check(await stage.open('', { token: stage.admin }), views(), noSkeletons)
    const { streams, deliveries, operations, 'a delivery': delivery } = views()
    const some = { streams, deliveries, operations, delivery }
    await check(await stage.open('', { token: stage.admin, size: 'phone' }), some, noSkeletons)
  })

  it('has none where there is nothing yet', async () => {
    const page = await stage.open('', { token: await stage.system.token('newcomer', 'user') })
    const { webhooks, deliveries, keys, publishing } = views()
    const nothing = { streams: '/streams/NOPE', events: '/events?symbol=NOPE', 'no such page': '/nowhere' }
    await check(page, { webhooks, deliveries, keys, publishing, ...nothing }, noSkeletons)
  })

  it('has none while it loads', async () => {
    const page = await stage.open('', { token: stage.admin })
    await page.route(API, () => undefined)
    await check(page, views(), async () => undefined)
  })

  it('has none in error', async () => {
    const page = await stage.open('', { token: stage.admin })
    const refuse = (route: Route) => route.fulfill({ status: 503, json: REFUSAL })
    await page.route(API, refuse)
    await check(page, views(), noSkeletons)
  })

  it('has none at the sign-in, refused too, and in a dialog', async () => {
    const page = await openPage(stage.browser)
    await page.goto(stage.base)
    assert.deepEqual(await serious(page), [])
    await page.getByLabel('Token or API key').fill('no token')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.locator('.field-error').waitFor()
    assert.deepEqual(await serious(page), [])
    await page.context().close()
    const keys = await stage.open('/keys', { token: stage.admin })
    await keys.getByRole('button', { name: 'New key' }).first().click()
    assert.deepEqual(await serious(keys), [])
    await keys.keyboard.press('Escape')
    await keys.getByRole('dialog').waitFor({ state: 'detached' })
    await keys.context().close()
  })

  it('is worked by keys alone: past the navigation, into a row, and back', async () => {
    const page = await stage.open('/webhooks', { token: stage.admin })
    await page.locator('.webhook-row').first().waitFor()
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to content')
    await page.locator('.webhook-row').first().focus()
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Send test event' }).waitFor()
    assert.equal(await page.evaluate('document.activeElement.tagName'), 'H1')
    await page.goBack()
    await page.locator('.webhook-row').first().waitFor()
    await page.context().close()
  })
})

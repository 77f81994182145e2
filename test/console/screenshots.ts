import { mkdir } from 'node:fs/promises'
import { makeConsoleData } from '../support/console-data.ts'
import { startConsoleStage } from '../support/console-stage.ts'

/*
 * `npm run console:screenshots`: every view of the console at the width of a desktop and of a phone, light and dark, with data, into
 * `screenshots/`. With words after it only the views whose name holds one of them.
 */

const FOLDER = process.env['SCREENSHOTS'] ?? 'screenshots'
const SETTLES_MS = 1_500

const wanted = process.argv.slice(2)
const stage = await startConsoleStage()
try {
  await mkdir(FOLDER, { recursive: true })
  const data = await makeConsoleData(stage)
  // For the streams to have some history.
  await new Promise((resolve) => setTimeout(resolve, 12_000))
  const views: Record<string, string> = {
    streams: '/streams/AAPL',
    webhooks: '/webhooks',
    'webhook-new': '/webhooks/new',
    webhook: `/webhooks/${data.failing}`,
    deliveries: '/deliveries',
    delivery: `/webhooks/${data.failing}/deliveries/${data.delivery}`,
    events: '/events',
    event: `/events/${data.event}`,
    publish: '/events/publish',
    keys: '/keys',
    operations: '/operations',
  }
  for (const size of ['desktop', 'phone'] as const) {
    for (const theme of ['light', 'dark'] as const) {
      const page = await stage.open('', { token: stage.admin, size, theme })
      for (const [name, path] of Object.entries(views)) {
        if (wanted.length > 0 && !wanted.some((word) => `${name}-${size}-${theme}`.includes(word))) continue
        await page.goto(stage.base + path)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await page.waitForTimeout(name === 'operations' || name === 'streams' ? 6_000 : SETTLES_MS)
        await page.screenshot({ path: `${FOLDER}/${name}-${size}-${theme}.png`, fullPage: true })
      }
      await page.context().close()
    }
  }
} finally {
  await stage.stop()
}

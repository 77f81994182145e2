import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { type ConsoleStage, openPage, startConsoleStage } from '../support/console-stage.ts'
import { eventually } from '../support/eventually.ts'
import { startTestReceiver, type TestReceiver } from '../support/receiver.ts'

const PATIENCE = { timeoutMs: 60_000 }
/** Time enough to look at a delivery that waits for its next attempt. */
const RETRY_BASE_MS = '600000'

describe('the console, in a browser', function () {
  this.timeout(180_000)

  let stage: ConsoleStage
  let receiver: TestReceiver
  let page: Page
  let isBroken = false
  const problems: string[] = []

  before(async () => {
    stage = await startConsoleStage({ DELIVERY_RETRY_BASE_MS: RETRY_BASE_MS })
    receiver = await startTestReceiver({
      respond: () => (isBroken ? { status: 500, body: 'the disk is full' } : { status: 200, body: '{"thanks":true}' }),
    })
    page = await openPage(stage.browser)
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('console', (message) => {
      if (/content security policy/i.test(message.text())) problems.push(message.text())
    })
  })
  after(async () => {
    await receiver?.close()
    await stage?.stop()
  })

  const section = (name: string) => page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name })
  const rows = () => page.locator('.deliveries > li')

  async function publish(): Promise<void> {
    const data = { model_id: 'mdl_7', model_type: 'transformer' }
    await stage.system.call('POST', '/api/v1/events', stage.admin, { event_type: 'model_trained', data })
  }

  it('signs in by the link that npm start prints, once, and leaves nothing of it in the address', async () => {
    const link = /^ {2}(http:\S+\/console#sign-in=\S+)$/m.exec(stage.system.program.output())?.[1] ?? ''
    await page.goto(link)
    await section('Streams').waitFor()
    assert.equal(new URL(page.url()).hash, '')
    assert.equal(await page.evaluate('document.cookie'), '')
    const other = await openPage(stage.browser)
    await other.goto(link)
    await other.getByText('This link was used before').waitFor()
    await other.context().close()
  })

  it('shows the price move, with its prediction', async () => {
    const chart = page.getByRole('img', { name: /^Chart of / })
    await chart.waitFor()
    const newest = async () => Number(await chart.getAttribute('data-newest'))
    const seen = await newest()
    await eventually(async () => (await newest()) > seen, PATIENCE)
    await page.getByRole('link', { name: /^AAPL/ }).first().click()
    await page.getByRole('img', { name: /^Chart of AAPL, newest price [\d.,]+, prediction [\d.,]+/ }).waitFor()
    assert.match(await page.getByTestId('sequence').innerText(), /^(\d+|–)$/)
  })

  it('creates a webhook and shows its secret once', async () => {
    await section('Webhooks').click()
    await page.getByRole('link', { name: 'New webhook' }).first().click()
    await page.getByLabel('URL').fill(`${receiver.url}/hook`)
    await page.getByLabel('Model trained', { exact: true }).check()
    await page.getByRole('button', { name: 'Create webhook' }).click()
    const dialog = page.getByRole('dialog')
    assert.match(await dialog.locator('code').first().innerText(), /^whsec_/)
    await dialog.getByRole('button', { name: 'I have kept it' }).click()
    await page.getByRole('heading', { level: 1, name: '127.0.0.1' }).waitFor()
    assert.doesNotMatch(await page.locator('main').innerText(), /whsec_/)
  })

  it('sends a test event, says what really came back, and shows the attempt as it is made', async () => {
    await page.getByRole('button', { name: 'Send test event' }).click()
    await page.getByText('The test event was delivered.').waitFor()
    assert.match(await page.locator('.outcome').innerText(), /Success\s+HTTP 200/)
    assert.equal(receiver.received.length, 1)
    await rows().filter({ hasText: 'Test' }).waitFor()
  })

  it('shows the retry of a broken receiver and its reason', async () => {
    isBroken = true
    await publish()
    const row = rows().filter({ hasText: 'Retrying' })
    await row.waitFor()
    await row.getByText(/HTTP 500, again in \d+ min/).waitFor()
    await row.getByRole('link').click()
    await page.getByText(/^Next attempt in \d+ min/).waitFor()
    const attempt = page.locator('.attempt')
    await attempt.getByText('the disk is full').waitFor()
    assert.match(await attempt.innerText(), /Attempt 1\s+Failed\s+HTTP 500/)
    assert.match(await attempt.innerText(), /webhook-signature/)
  })

  it('retries by hand', async () => {
    isBroken = false
    await page.getByRole('button', { name: 'Retry now' }).click()
    await page.getByRole('heading', { name: '2 attempts' }).waitFor()
    await page.locator('.attempt').filter({ hasText: 'Attempt 2' }).getByText('Success').first().waitFor()
    await page.locator('.card-head').getByText('Success').waitFor()
  })

  it('lists deliveries of all webhooks as they are made, by filters', async () => {
    await section('Deliveries').click()
    await rows().first().waitFor()
    const before = await rows().count()
    await publish()
    await eventually(async () => (await rows().count()) === before + 1, PATIENCE)
    await page.getByLabel('Status').selectOption('failed')
    await page.getByText('Nothing here yet').waitFor()
    assert.match(page.url(), /\?status=failed$/)
  })

  it('publishes an event by the form of its schema and says whom it went to', async () => {
    await section('Events').click()
    await page.getByRole('link', { name: 'Publish' }).click()
    await page.getByLabel('Type', { exact: true }).selectOption('model_trained')
    await page.getByRole('button', { name: 'Publish' }).click()
    await page.getByText('This is required.').first().waitFor()
    await page.getByRole('button', { name: 'Fill in the example' }).click()
    await page.getByRole('button', { name: 'Publish' }).click()
    await page.getByText('Accepted, and owed to 1 webhook.').waitFor()
    await page.getByRole('link', { name: 'See the event' }).click()
    await rows().first().waitFor()
  })

  it('recovers what failed in a span of time, with progress', async () => {
    await section('Webhooks').click()
    await page.locator('.webhook-row').first().click()
    await page.getByRole('button', { name: 'Recover …' }).click()
    await page.getByRole('button', { name: 'Start recovery' }).click()
    await page.locator('.recovery').getByText('Completed').waitFor({ timeout: 60_000 })
  })

  it('rotates the secret: both sign until the rotation is finished, then the new one', async () => {
    const signatures = async () => {
      const before = receiver.received.length
      await page.getByRole('button', { name: 'Send test event' }).click()
      await eventually(() => receiver.received.length > before, PATIENCE)
      await page.getByText('The test event was delivered.').waitFor()
      return String(receiver.received.at(-1)?.headers['webhook-signature']).split(' ').length
    }
    await page.getByRole('button', { name: 'Rotate secret' }).click()
    await page.getByRole('button', { name: 'Make a new secret' }).click()
    const dialog = page.getByRole('dialog')
    assert.match(await dialog.locator('code').first().innerText(), /^whsec_/)
    await dialog.getByRole('button', { name: 'I have kept it' }).click()
    assert.equal(await signatures(), 2)
    await page.getByRole('button', { name: 'Finish rotation' }).click()
    await page.getByText('Only the new secret signs from now on.').waitFor()
    assert.equal(await signatures(), 1)
  })

  it('disables a webhook, which then gets nothing, and enables it', async () => {
    await page.getByRole('button', { name: 'Disable', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Disable', exact: true }).click()
    await page.getByText('Disabled by its owner.').waitFor()
    const before = receiver.received.length
    await publish()
    await page.getByRole('button', { name: 'Enable', exact: true }).click()
    await page.getByText('Enabled. What it missed can be recovered below.').waitFor()
    await publish()
    await eventually(() => receiver.received.length > before, PATIENCE)
    assert.equal(receiver.received.length, before + 1)
  })

  it('deletes a webhook, once it is sure', async () => {
    await page.getByRole('button', { name: 'Delete', exact: true }).click()
    await page.getByRole('button', { name: 'Keep it' }).click()
    await page.getByRole('button', { name: 'Delete', exact: true }).click()
    await page.getByRole('button', { name: 'Delete webhook' }).click()
    await page.getByText('The webhook was deleted.').waitFor()
    await page.getByRole('heading', { level: 1, name: 'Webhooks' }).waitFor()
    assert.equal(await page.locator('.webhook-row').count(), 0)
  })

  it('makes a key, shows it once and revokes it', async () => {
    await section('Keys').click()
    await page.getByRole('button', { name: 'New key' }).first().click()
    await page.getByLabel('Name').fill('of the test')
    await page.getByRole('button', { name: 'Make key' }).click()
    assert.match(await page.getByRole('dialog').locator('code').innerText(), /^ara_[0-9a-f]{64}$/)
    await page.getByRole('button', { name: 'I have kept it' }).click()
    await page.locator('.key-row').getByRole('button', { name: 'Revoke' }).click()
    await page.getByRole('button', { name: 'Revoke key' }).click()
    await page.getByText('No keys yet').waitFor()
  })

  it('shows operators how the system is', async () => {
    await section('Operations').click()
    await page.getByRole('region', { name: 'Oldest due' }).getByText('in time').waitFor()
    await eventually(
      async () => /[1-9]/.test(await page.getByRole('region', { name: 'Sockets' }).innerText()),
      PATIENCE,
    )
    assert.equal(await page.getByRole('link', { name: 'Bull Board' }).getAttribute('href'), '/admin/queues')
  })

  it('tells everybody else that operations are for admins', async () => {
    const token = await stage.system.token('alice', 'user')
    const other = await stage.open('/operations', { token })
    await other.getByText('This page is for admins').waitFor()
    await other.context().close()
  })

  it('broke no rule of its own policy and threw nothing', () => {
    assert.deepEqual(problems, [])
  })
})

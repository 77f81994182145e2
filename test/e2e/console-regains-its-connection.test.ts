import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { type ConsoleStage, openPage, signIn, startConsoleStage } from '../support/console-stage.ts'
import { eventually } from '../support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'

const PATIENCE = { timeoutMs: 90_000 }

describe('the console, when its connection is lost', function () {
  this.timeout(180_000)

  let stage: ConsoleStage
  let link: FaultProxy
  let page: Page
  before(async () => {
    stage = await startConsoleStage()
    link = await startFaultProxy(Number(stage.system.host.split(':')[1]))
    page = await openPage(stage.browser)
    await page.goto(`http://127.0.0.1:${link.port}/console`)
    await signIn(page, await stage.system.token('alice', 'readonly'))
  })
  after(async () => {
    await link?.close()
    await stage?.stop()
  })

  const text = (id: string) => page.getByTestId(id).innerText()
  const sequence = async () => Number(await text('sequence'))

  it('says so, comes back by itself, and misses nothing', async () => {
    await eventually(async () => (await text('connection-state')) === 'open' && (await sequence()) > 0, PATIENCE)
    await link.cut()
    await eventually(async () => (await text('connection-state')) !== 'open', PATIENCE)
    await page.getByRole('button', { name: /^(Reconnecting|Connecting)/ }).waitFor()
    const seen = await sequence()
    await link.mend()
    await eventually(async () => (await text('connection-state')) === 'open', PATIENCE)
    assert.notEqual(await text('reconnects'), '0')
    await eventually(async () => (await sequence()) > seen, PATIENCE)
    await page.getByText('none: every message came').waitFor()
  })

  it('tells in the views what could not be read, and reads it when asked again', async () => {
    await link.cut()
    await page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: 'Keys' }).click()
    await page.getByText('The server cannot be reached.').waitFor()
    await link.mend()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('No keys yet').waitFor()
  })

  it('sends who was signed out by the server to the sign-in', async () => {
    await page.evaluate(`
      const kept = JSON.parse(sessionStorage.getItem('ara-session'))
      sessionStorage.setItem('ara-session', JSON.stringify({ ...kept, token: 'a.b.c' }))`)
    await page.reload()
    await page.getByText('Your session has ended. Sign in again.').waitFor()
    assert.equal(await page.evaluate("sessionStorage.getItem('ara-session')"), null)
  })
})

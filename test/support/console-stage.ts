import type { Browser, BrowserContext, Page } from 'playwright-core'
import { type EmbeddedSystem, startEmbeddedSystem } from './embedded-system.ts'
import { startTestReceiver, type TestReceiver } from './receiver.ts'
import { launchChromium } from './sample-runtimes.ts'

/** The built console in a real browser, on a system with a receiver that answers and one that does not. */
export interface ConsoleStage {
  system: EmbeddedSystem
  base: string
  browser: Browser
  good: TestReceiver
  bad: TestReceiver
  /** Of a user who is an admin in name too, so that the one sees what the other made. */
  admin: string
  /** A page that is signed in with a token, at a path below `/console`. */
  open(path: string, options?: OpenOptions): Promise<Page>
  stop(): Promise<void>
}

export interface OpenOptions {
  token?: string
  theme?: 'light' | 'dark'
  size?: 'desktop' | 'phone'
  /** Before anything is loaded. */
  prepare?: (context: BrowserContext) => Promise<void>
}

const SIZES = {
  desktop: { viewport: { width: 1360, height: 900 }, deviceScaleFactor: 1, hasTouch: false, isMobile: false },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
}

export async function startConsoleStage(settings: Record<string, string> = {}): Promise<ConsoleStage> {
  const closers: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close()
  }
  try {
    const good = await startTestReceiver({ respond: () => ({ status: 200, body: '{"received":true}' }) })
    closers.push(() => good.close())
    const bad = await startTestReceiver({ respond: () => ({ status: 500, body: '{"error":"the database is away"}' }) })
    closers.push(() => bad.close())
    const system = await startEmbeddedSystem({ RATE_LIMIT_FREE: '100000', WEBHOOKS_FREE: '100', ...settings })
    closers.push(() => system.stop())
    const browser = await launchChromium()
    closers.push(() => browser.close())
    const base = `http://${system.host}/console`
    return {
      ...{ system, base, browser, good, bad, stop },
      admin: await system.token('admin', 'admin'),
      open: (path, options) => openSignedIn(browser, base, path, options),
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A page of its own browser context, so that nothing of another one is left in it. */
export async function openPage(browser: Browser, options: OpenOptions = {}): Promise<Page> {
  const context = await browser.newContext({
    ...SIZES[options.size ?? 'desktop'],
    colorScheme: options.theme ?? 'light',
  })
  await options.prepare?.(context)
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  return page
}

async function openSignedIn(browser: Browser, base: string, path: string, options: OpenOptions = {}): Promise<Page> {
  const page = await openPage(browser, options)
  await page.goto(base)
  await signIn(page, options.token ?? '')
  if (path !== '') await goTo(page, base, path)
  return page
}

export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token or API key').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Sections' }).waitFor()
}

/** The session is the tab's, so it holds over a load. */
export async function goTo(page: Page, base: string, path: string): Promise<void> {
  await page.goto(base + path)
  await page.getByRole('heading', { level: 1 }).waitFor()
}

import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Browser } from 'playwright-core'
import { type Program, startProgram, untilListening } from './program.ts'

/** Runs the quick start's samples. `folder` is where their text is written to be run. */

export const SAMPLES = 'test/e2e/quickstart'

/** A sample with its placeholders filled in; one that is not in it is a mistake of the test. */
export async function readSample(file: string, placeholders: Record<string, string> = {}): Promise<string> {
  let text = await readFile(join(SAMPLES, file), 'utf8')
  for (const [placeholder, value] of Object.entries(placeholders)) {
    if (!text.includes(placeholder)) throw new Error(`${file} has no ${placeholder}`)
    text = text.replaceAll(placeholder, value)
  }
  return text
}

export type SamplePage = Pick<Program, 'output' | 'waitFor' | 'stop'>

/** A JavaScript sample in an empty page; its output is what it logs. */
export async function openPage(browser: Browser, script: string): Promise<SamplePage> {
  const page = await browser.newPage()
  const lines: string[] = []
  page.on('console', (message) => lines.push(message.text()))
  page.on('pageerror', (error) => lines.push(`uncaught: ${error.message}`))
  await page.addScriptTag({ content: script })
  const output = () => lines.join('\n')
  return {
    output,
    async waitFor(pattern, withinMs = 30_000) {
      const deadline = Date.now() + withinMs
      while (!pattern.test(output())) {
        if (Date.now() > deadline) throw new Error(`the page did not log ${pattern}:\n${output()}`)
        await new Promise((next) => setTimeout(next, 25))
      }
    },
    stop: () => page.close(),
  }
}

export async function startPython(python: string, folder: string, text: string): Promise<Program> {
  await writeFile(join(folder, 'client.py'), text)
  return startProgram(python, ['client.py'], { cwd: folder, env: { ...process.env, PYTHONUNBUFFERED: '1' } })
}

/** A FastAPI sample, which brings no server of its own, under uvicorn. */
export async function startFastApi(python: string, folder: string, text: string, port: number): Promise<Program> {
  const name = `receiver_${port}`
  await writeFile(join(folder, `${name}.py`), text)
  const env = { ...process.env, PYTHONUNBUFFERED: '1' }
  const args = ['-m', 'uvicorn', `${name}:app`, '--host', '127.0.0.1', '--port', String(port)]
  const program = startProgram(python, args, { cwd: folder, env })
  await untilListening(port, program)
  return program
}

export async function startExpress(folder: string, text: string, port: number): Promise<Program> {
  const file = join(folder, `receiver_${port}.cjs`)
  await writeFile(file, text)
  const program = startProgram(process.execPath, [file], {
    env: { ...process.env, NODE_PATH: resolve('node_modules') },
  })
  await untilListening(port, program)
  return program
}

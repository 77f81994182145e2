import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

/** What the samples need beside Node. A machine without it is told the one command; nothing is skipped. */

const PYTHONS = ['python3', '/usr/bin/python3']
const CHROMIUMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** A Python 3 that has websockets, FastAPI and uvicorn. */
export function findPython(): string {
  const named = process.env['PYTHON']
  const found = (named ? [named] : PYTHONS).find(
    (command) => spawnSync(command, ['-c', 'import websockets, fastapi, uvicorn']).status === 0,
  )
  if (found !== undefined) return found
  throw new Error(
    'No Python 3 with websockets, fastapi and uvicorn. On Debian: ' +
      'apt-get install -y python3-websockets python3-fastapi python3-uvicorn. Elsewhere: pip install websockets fastapi ' +
      'uvicorn, and set PYTHON to that interpreter.',
  )
}

export async function launchChromium(): Promise<Browser> {
  const named = process.env['CHROMIUM']
  const executablePath = (named ? [named] : CHROMIUMS).find(existsSync)
  if (executablePath === undefined) {
    throw new Error('No chromium. On Debian: apt-get install -y chromium. Elsewhere: set CHROMIUM to its path.')
  }
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

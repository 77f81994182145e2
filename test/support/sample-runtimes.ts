import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Browser } from 'playwright-core'

/** What the tests need beside Node. CI installs it; any other machine is told the one command; nothing is skipped. */

const PYTHONS = ['python3', '/usr/bin/python3']
const CHROMIUMS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** A Python 3 that has websockets, FastAPI and uvicorn. */
export function findPython(): string {
  const named = process.env['PYTHON']
  const find = () =>
    (named ? [named] : PYTHONS).find(
      (command) => spawnSync(command, ['-c', 'import websockets, fastapi, uvicorn']).status === 0,
    )
  const python =
    find() ?? (installInCi('python3-websockets', 'python3-fastapi', 'python3-uvicorn') ? find() : undefined)
  if (python !== undefined) return python
  const how = howToInstall({
    apt: 'apt-get install -y python3-websockets python3-fastapi python3-uvicorn',
    dnf: 'dnf install -y python3-websockets python3-fastapi python3-uvicorn',
    apk: 'apk add py3-websockets py3-fastapi py3-uvicorn',
    macOS:
      'python3 -m venv ~/.ara && ~/.ara/bin/pip install websockets fastapi uvicorn && export PYTHON=~/.ara/bin/python',
  })
  throw new Error(`${named ?? 'python3'} is not there or lacks websockets, fastapi or uvicorn. ${how}`)
}

/** The path of a chromium. */
export function findChromium(): string {
  const named = process.env['CHROMIUM']
  const find = () => (named ? [named] : CHROMIUMS).find(existsSync)
  const executablePath = find() ?? (installInCi('chromium') ? find() : undefined)
  if (executablePath !== undefined) return executablePath
  const how = howToInstall({
    apt: 'apt-get install -y chromium',
    dnf: 'dnf install -y chromium',
    apk: 'apk add chromium',
    macOS: 'brew install --cask google-chrome',
  })
  throw new Error(`No ${named ?? 'chromium, and CHROMIUM is not set to its path'}. ${how}`)
}

export async function launchChromium(): Promise<Browser> {
  const executablePath = findChromium()
  // Only here: whoever looks for another program need not load it.
  const { chromium } = await import('playwright-core')
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

/** Where the command is, if the PATH has it. */
export function onPath(command: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, command)).find(isExecutable)
}

/** Installs Debian packages where that is nobody's own machine: as root in CI. False where it is not allowed or failed. */
export function installInCi(...packages: string[]): boolean {
  if (process.env['CI'] !== 'true' || process.getuid?.() !== 0 || onPath('apt-get') === undefined) return false
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return [['update'], ['install', '-y', ...packages]].every(
    (args) => spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0,
  )
}

/** A sentence with the command for this machine. */
export function howToInstall(commands: { apt: string; dnf: string; apk: string; macOS: string }): string {
  if (process.platform === 'darwin') return `Install it: ${commands.macOS}`
  if (onPath('dnf') !== undefined) return `Install it: ${commands.dnf}`
  if (onPath('apk') !== undefined) return `Install it: ${commands.apk}`
  return `Install it: ${commands.apt}`
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

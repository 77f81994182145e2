import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/*
 * Builds the console into `dist/console`, unless what is there is newer than all it is made of, so that a second `npm start`
 * does not wait for it.
 */

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(here)
const SOURCES = [here, join(root, 'client', 'src'), join(root, 'package-lock.json')]

if (newest(SOURCES) > writtenAt(join(root, 'dist', 'console', 'index.html'))) {
  const { build } = await import('vite')
  await build({ configFile: join(here, 'vite.config.ts') })
}

function newest(paths) {
  return Math.max(
    ...paths.map((path) => {
      const found = statSync(path)
      if (!found.isDirectory()) return found.mtimeMs
      return Math.max(found.mtimeMs, newest(readdirSync(path).map((name) => join(path, name))))
    }),
  )
}

function writtenAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

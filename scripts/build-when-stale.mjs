import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/*
 * Builds all when something is newer than the last build, so that `npm start` has nothing to wait for after `npm install`, which
 * ends with this. Without the compiler (`npm ci --omit=dev`) there is nothing to build with, and what is built runs as it is.
 */

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const SOURCES = [
  ...['src', 'workers', 'migrations', 'client/src', 'client/tsconfig.json', 'console'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'],
]
const MARK = join(root, 'dist', 'built')

if (existsSync(join(root, 'node_modules', 'typescript')) && isStale()) build()

function build() {
  // Taken before: what is changed meanwhile is built again.
  const at = new Date()
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit', shell: true })
  if (status !== 0) process.exit(status ?? 1)
  mkdirSync(dirname(MARK), { recursive: true })
  writeFileSync(MARK, '')
  utimesSync(MARK, at, at)
}

function isStale() {
  if (!existsSync(join(root, 'client', 'dist'))) return true
  const built = statSync(MARK, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return SOURCES.some((source) => newest(join(root, source)) > built)
}

function newest(path) {
  const { mtimeMs, isDirectory } = read(path)
  if (!isDirectory) return mtimeMs
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))))
}

function read(path) {
  const found = statSync(path)
  return { mtimeMs: found.mtimeMs, isDirectory: found.isDirectory() }
}

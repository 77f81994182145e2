import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isSafeVersion, SAFE_VERSIONS } from '../../safe-versions.ts'
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts'

/** Files, connections to the stores and receivers, besides one for each socket. */
const OTHER_FILES = 1_000

/** Node.js, the packages and what the system lets a process open. */
export async function checkRuntime(wanted: { mostSockets: number }): Promise<Finding[]> {
  const root = findRoot()
  const about = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return [
    checkNode(process.versions.node, about.engines.node),
    checkPackages(root, about),
    await checkSockets(),
    await checkOpenFiles(wanted.mostSockets),
  ]
}

export function checkNode(version: string, engines: string): Finding {
  const least = engines.replace('>=', '')
  if (!isAtLeast(version, least)) return fail('Node.js', `${version} is too old`, `Install Node.js ${least} or newer.`)
  const safe = SAFE_VERSIONS.find(({ name }) => name === 'Node.js')
  if (safe === undefined || isSafeVersion(safe, version)) return ok('Node.js', version)
  return warn(
    'Node.js',
    `${version} has known flaws: ${safe.because}`,
    `Install one of ${safe.least.join(', ')} or newer.`,
  )
}

function checkPackages(root: string, about: { dependencies: Record<string, string> }): Finding {
  const wrong = Object.entries(about.dependencies).flatMap(([name, wanted]) => {
    const version = wanted.replace(/^npm:.+@/, '')
    const found = installedVersion(root, name)
    return found === version ? [] : [`${name} is ${found ?? 'missing'}, not ${version}`]
  })
  if (wrong.length === 0) return ok('packages', 'all of them, in the versions that are tested')
  return warn('packages', wrong.join('; '), 'Run npm ci.')
}

function installedVersion(root: string, name: string): string | undefined {
  const path = join(root, 'node_modules', name, 'package.json')
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : undefined
}

/** The one package with a binary that not every system can load. */
async function checkSockets(): Promise<Finding> {
  try {
    await import('uWebSockets.js')
    return ok('uWebSockets.js', 'loads')
  } catch (error) {
    const remedy = 'It needs glibc 2.27 with Node.js 20 and 2.38 from 22 on, and does not run on Alpine.'
    return fail('uWebSockets.js', `does not load: ${reasonOf(error).split('\n')[0]}`, remedy)
  }
}

async function checkOpenFiles(mostSockets: number): Promise<Finding> {
  const about = 'open files'
  const text = await promisify(execFile)('sh', ['-c', 'ulimit -n']).then(
    ({ stdout }) => stdout.trim(),
    () => 'unknown',
  )
  const needed = mostSockets + OTHER_FILES
  if (text === 'unlimited' || Number(text) >= needed) return ok(about, text)
  const remedy = `Raise the limit to ${needed} (ulimit -n, LimitNOFILE=), or lower STREAMS_MAX_SOCKETS.`
  if (text === 'unknown') return warn(about, 'the limit cannot be read here', remedy)
  return warn(about, `${text}, too few for the ${mostSockets} sockets that STREAMS_MAX_SOCKETS allows`, remedy)
}

/** Where package.json is: above `src/`, or above `dist/`. */
function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}

function isAtLeast(version: string, least: string): boolean {
  const [have, want] = [version, least].map((text) => text.split('.').map(Number))
  for (let part = 0; part < 3; part += 1) {
    const difference = (have?.[part] ?? 0) - (want?.[part] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}

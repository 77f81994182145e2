import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

/** One file of the built console, read once: there are few, and together they are smaller than one photograph. */
export interface ConsoleFile {
  type: string
  etag: string
  bytes: Buffer
  gzipped: Buffer
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Where `npm run build` puts the console: beside the built `src/`, or below the root when this runs from its source. */
export const CONSOLE_PLACES = ['../../dist/console/', '../../console/'].map((place) =>
  fileURLToPath(new URL(place, import.meta.url)),
)

/** @returns the files by their path, or null where the console was not built */
export function readConsoleFiles(places: readonly string[] = CONSOLE_PLACES): ReadonlyMap<string, ConsoleFile> | null {
  // The source has an `index.html` too, but no assets.
  const root = places.find((place) => isDirectory(join(place, 'assets')))
  if (root === undefined) return null
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => TYPES[extname(name)])
  return new Map(names.map((name) => [relative('.', name).split(sep).join('/'), readFile(join(root, name))]))
}

function readFile(path: string): ConsoleFile {
  const bytes = readFileSync(path)
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
  return { type: TYPES[extname(path)] ?? '', etag, bytes, gzipped: gzipSync(bytes, { level: 9 }) }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

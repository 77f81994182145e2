import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { runProgram } from '../support/program.ts'

interface Locked {
  version?: string
  integrity?: string
  hasInstallScript?: boolean
  link?: boolean
}

const read = (file: string) => JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'))
const PACKAGE = read('package.json')
const LOCKED = Object.entries(read('package-lock.json').packages as Record<string, Locked>).filter(
  ([path]) => path !== '',
)

/** Below these a flaw is known that this project would have: who pins another version, or keeps an old copy, learns it here. */
const SAFE: [name: string, least: string, flaw: string][] = [
  ['koa', '3.1.2', 'CVE-2026-27959: ctx.hostname could be made to name another host'],
  ['bullmq', '6.3.3', 'workers of 6.0.7 to 6.3.2 never resumed after Redis was away for 6 s'],
  ['undici', '7.5.0', 'CVE-2025-47279: a receiver with a bad certificate made it leak memory'],
  ['jsonwebtoken', '9.0.0', 'CVE-2022-23540: a token could choose the algorithm none'],
  ['jws', '4.0.1', 'CVE-2025-65945: an HMAC signature was not verified in some uses'],
  ['ws', '8.17.1', 'CVE-2024-37890: many headers ended the process'],
  ['knex', '2.4.0', 'CVE-2016-20018: an object as a value changed the statement'],
  ['msgpackr', '1.10.1', 'CVE-2023-52079: a message could loop for ever'],
  ['path-to-regexp', '8.0.0', 'CVE-2024-45296: two parameters in one segment took exponential time'],
]

describe('the packages this stands on', () => {
  it('are asked for by exact versions, all of them locked', () => {
    const asked = { ...PACKAGE.dependencies, ...PACKAGE.optionalDependencies, ...PACKAGE.devDependencies }
    const locked = new Map(LOCKED.map(([path, { version }]) => [path, version]))
    for (const [name, wanted] of Object.entries<string>(asked)) {
      const version = wanted.replace(/^npm:.+@/, '')
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name)
      assert.equal(locked.get(`node_modules/${name}`), version, name)
    }
  })

  it('are each locked with a SHA-512 of their content', () => {
    const without = LOCKED.filter(([, { integrity, link }]) => !link && !/^sha512-.{88}$/.test(integrity ?? ''))
    assert.deepEqual(
      without.map(([path]) => path),
      [],
    )
  })

  it('run no install script that is not listed', () => {
    const scripts = LOCKED.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path))
    assert.deepEqual([...new Set(scripts)].sort(), Object.keys(PACKAGE.allowScripts).sort())
  })

  for (const [name, least, flaw] of SAFE) {
    it(`have ${name} from ${least} on (${flaw})`, () => {
      const copies = LOCKED.filter(([path]) => nameOf(path) === name)
      assert.notEqual(copies.length, 0)
      for (const [path, { version = '' }] of copies) assert.ok(isAtLeast(version, least), `${path} ${version}`)
    })
  }

  it('are all in the bill of materials, those for development apart', async () => {
    const bill = JSON.parse(await runProgram('npm', ['run', '--silent', 'sbom']))
    const names = new Set(
      bill.components.map(({ group, name }: { group?: string; name: string }) => (group ? `${group}/${name}` : name)),
    )
    assert.equal(bill.bomFormat, 'CycloneDX')
    for (const name of Object.keys(PACKAGE.dependencies)) assert.ok(names.has(name), name)
    assert.ok(!names.has('mocha'))
  })
})

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}

function isAtLeast(version: string, least: string): boolean {
  const [have, want] = [version, least].map((text) => text.replace(/-.*/, '').split('.').map(Number))
  for (let part = 0; part < 3; part += 1) {
    const difference = (have?.[part] ?? 0) - (want?.[part] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}

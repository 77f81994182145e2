import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { isSafeVersion, SAFE_VERSIONS } from '../../src/safe-versions.ts'
import { runProgram } from '../support/program.ts'

interface Locked {
  /** Given when it is not the folder's. */
  name?: string
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

  for (const safe of SAFE_VERSIONS.filter(({ kind }) => kind === 'package')) {
    it(`have ${safe.name} from ${safe.least} on (${safe.because})`, () => {
      const copies = LOCKED.filter(([path, { name }]) => (name ?? nameOf(path)) === safe.name)
      assert.notEqual(copies.length, 0)
      for (const [path, { version = '' }] of copies) assert.ok(isSafeVersion(safe, version), `${path} ${version}`)
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

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'

const SOURCES = 'client/src'

describe('the package of the client', () => {
  it('has no dependency, and imports nothing but its own files', () => {
    const about = JSON.parse(readFileSync('client/package.json', 'utf8'))
    assert.deepEqual(
      [about.dependencies, about.peerDependencies, about.optionalDependencies],
      [undefined, undefined, undefined],
    )
    for (const file of readdirSync(SOURCES)) {
      const imported = [
        ...readFileSync(`${SOURCES}/${file}`, 'utf8').matchAll(/^(?:import|export) [^=(]*?from '(.*?)'/gm),
      ]
      for (const [, from = ''] of imported) assert.match(from, /^\.\/[\w-]+\.ts$/, file)
    }
  })

  it('publishes what was built and its README, and has an entry for what it says', () => {
    const about = JSON.parse(readFileSync('client/package.json', 'utf8'))
    assert.deepEqual(about.files, ['dist', 'README.md'])
    assert.deepEqual(about.exports['.'], { types: './dist/index.d.ts', default: './dist/index.js' })
  })
})

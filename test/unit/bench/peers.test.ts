import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const read = (file: string) =>
  JSON.parse(readFileSync(new URL(`../../../bench/peers/fanout/${file}`, import.meta.url), 'utf8'))

describe("the packages of the fan-out bench's peers", () => {
  it('are asked for by exact versions, and locked with a SHA-512 of their content', () => {
    const { packages } = read('package-lock.json') as {
      packages: Record<string, { version: string; integrity?: string }>
    }
    for (const [name, wanted] of Object.entries<string>(read('package.json').dependencies)) {
      assert.match(wanted, /^\d+\.\d+\.\d+$/, name)
      assert.equal(packages[`node_modules/${name}`]?.version, wanted)
    }
    for (const [path, { integrity = '' }] of Object.entries(packages)) {
      if (path !== '') assert.match(integrity, /^sha512-.{88}$/, path)
    }
  })
})

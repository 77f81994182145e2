import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { isSafeVersion, SAFE_VERSIONS } from '../../src/safe-versions.ts'

const find = (name: string) => {
  const entry = SAFE_VERSIONS.find((one) => one.name === name)
  assert.ok(entry, name)
  return entry
}

describe('the versions without known flaws', () => {
  const cases: [name: string, good: string[], bad: string[]][] = [
    [
      'Node.js',
      ['v20.20.2', '22.23.2', '22.24.0', '24.18.1', '26.0.0'],
      ['20.20.1', 'v22.23.1', '24.17.9', '23.9.0', '18.20.8'],
    ],
    ['PostgreSQL', ['15.19', '18.6 (Debian 18.6-1.pgdg13+1)', '18.10', '19.0'], ['18.4', '17.10', '14.24', '15.9']],
    ['Redis', ['7.2.15', '7.4.11', '8.8.1', '8.10.0', '9.0.0'], ['7.0.15', '8.6.4', '8.0.9', '6.2.22', '7.3.1']],
    ['undici', ['7.29.0', '7.30.2', '8.0.0'], ['7.28.9', '6.99.0']],
  ]
  for (const [name, good, bad] of cases) {
    it(`of ${name} are told from others by release line`, () => {
      for (const version of good) assert.ok(isSafeVersion(find(name), version), version)
      for (const version of bad) assert.ok(!isSafeVersion(find(name), version), version)
    })
  }

  it('hold for the Node.js that runs this', () => {
    assert.ok(isSafeVersion(find('Node.js'), process.version), process.version)
  })

  it('are the table in the documentation', () => {
    const page = readFileSync(new URL('../../docs/operations/versions.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| ([^|]+) \| ([\d., ]+) \| (.+) \|$/gm)].map(([, ...cells]) => cells)
    assert.deepEqual(
      rows,
      SAFE_VERSIONS.map(({ name, least, because }) => [name, least.join(', '), because]),
    )
  })
})

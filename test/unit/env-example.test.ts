import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readConfig } from '../../src/config.ts'
import { ENVIRONMENT_KEYS } from '../../src/environment.ts'
import { complaints } from '../support/config-complaints.ts'

const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')
const exampleEntries = [...example.matchAll(/^# ([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, key = '', value = '']) => ({
  key,
  value,
}))

describe('.env.example', () => {
  it('lists exactly the variables that are read', () => {
    assert.deepEqual(exampleEntries.map(({ key }) => key).sort(), [...ENVIRONMENT_KEYS].sort())
  })

  it('sets nothing as it stands', () => {
    for (const line of example.split('\n')) assert.match(line, /^(#|$)/)
  })

  it('shows the defaults', () => {
    const env = Object.fromEntries(exampleEntries.map(({ key, value }) => [key, value]))
    assert.deepEqual(readConfig(env, 'all'), readConfig({}, 'all'))
    const shown = exampleEntries.filter(({ value }) => value !== '').map(({ key }) => key)
    for (const key of shown) assert.notDeepEqual(complaints({ [key]: 'no such value' }), [], key)
  })

  it('says one sentence above each', () => {
    const blocks = example.split('\n\n').filter((block) => /^# [A-Z][A-Z0-9_]*=/m.test(block))
    assert.equal(blocks.length, ENVIRONMENT_KEYS.length)
    for (const block of blocks) assert.match(block.trim(), /^# \S.*\.\n# [A-Z][A-Z0-9_]*=\S*$/)
  })
})

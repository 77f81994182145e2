import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { faults } from '../faults/list.ts'

const UNDISTURBED = 'none'

describe('the run-books', () => {
  const text = readFileSync(new URL('../../docs/operations/runbooks.md', import.meta.url), 'utf8')
  const named = [...text.matchAll(/`([a-z]+(?:-[a-z]+)*)(-…)?`/g)].map(([, name = '', more]) => ({ name, more }))

  it('say of every fault that is injected what there is to do', () => {
    const names = faults.map(({ name }) => name).filter((name) => name !== UNDISTURBED)
    const without = names.filter(
      (fault) => !named.some(({ name, more }) => (more ? fault.startsWith(`${name}-`) : fault === name)),
    )
    assert.ok(names.length > 30)
    assert.deepEqual(without, [])
  })
})

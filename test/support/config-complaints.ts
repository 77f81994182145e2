import assert from 'node:assert/strict'
import { ConfigError, readConfig } from '../../src/config.ts'

export type Role = Parameters<typeof readConfig>[1]

/** The lines of the one error that a start with this environment ends in. */
export function complaints(env: NodeJS.ProcessEnv, role: Role = 'all'): string[] {
  try {
    readConfig(env, role)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    const [head, ...lines] = error.message.split('\n')
    assert.equal(head, 'The configuration is not usable:')
    return lines.map((line) => line.trim())
  }
  return []
}

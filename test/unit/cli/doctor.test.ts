import assert from 'node:assert/strict'
import { checkConfig, usualRole } from '../../../src/cli/doctor/check-config.ts'
import { checkNames } from '../../../src/cli/doctor/check-names.ts'
import { checkEviction, checkPersistence, checkVersion, readInfo } from '../../../src/cli/doctor/check-redis.ts'
import { checkNode } from '../../../src/cli/doctor/check-runtime.ts'
import { clockFinding } from '../../../src/cli/doctor/clock-finding.ts'

describe('the doctor', () => {
  it('names every variable that is wrong, each with a finding of its own', () => {
    const { config, findings } = checkConfig({ PORT: 'x', NODE_ENV: 'production' }, 'web')
    assert.equal(config, null)
    assert.ok(findings.length >= 4 && findings.every(({ verdict }) => verdict === 'fail'))
    assert.ok(findings.some(({ says }) => says.startsWith('PORT: ')))
    assert.ok(findings.some(({ says }) => says.startsWith('REDIS_URL: ')))
    const secrets = findings.filter(({ says }) => /^(JWT_SECRET|SECRETS_KEY): /.test(says))
    assert.deepEqual(
      secrets.map(({ remedy }) => /openssl rand -\w+ 32/.test(remedy ?? '')),
      [true, true],
    )
  })

  it('warns of a deployment that is not called one, and of inner networks that are open', () => {
    const url = 'postgres://ara@db/ara'
    const said = (env: NodeJS.ProcessEnv) =>
      checkConfig(env, 'all').findings.map(({ about, verdict }) => `${about} ${verdict}`)
    assert.deepEqual(said({}), ['configuration ok'])
    for (const HOST of ['localhost', '127.0.0.2', '::1']) assert.deepEqual(said({ HOST }), ['configuration ok'])
    for (const HOST of ['0.0.0.0', '::', '10.0.0.1'])
      assert.deepEqual(said({ HOST }), ['configuration ok', 'HOST warn'])
    assert.deepEqual(said({ HOST: '0.0.0.0', DATABASE_URL: url }), ['configuration ok', 'NODE_ENV warn'])
    assert.deepEqual(said({ DATABASE_URL: url }), ['configuration ok', 'NODE_ENV warn'])
    const secrets = { JWT_SECRET: 'x'.repeat(32), SECRETS_KEY: `k1:${Buffer.alloc(32).toString('base64')}` }
    const production = { NODE_ENV: 'production', DATABASE_URL: url, ...secrets, WEBHOOK_ALLOW_CIDRS: '10.0.0.0/8' }
    assert.deepEqual(said(production), ['configuration ok', 'WEBHOOK_ALLOW_CIDRS warn'])
    assert.deepEqual([usualRole({}), usualRole({ REDIS_URL: 'redis://r' })], ['all', 'web'])
  })

  it('warns of a variable that nothing reads when its name is nearly that of one that is not set', () => {
    const told = (env: NodeJS.ProcessEnv) => checkNames(env).map(({ about, remedy }) => `${about} ${remedy}`)
    assert.deepEqual(told({ DATABSE_URL: 'x', STREAMS_ANONYMUS: 'x', RETENTION_DAY: '1' }), [
      'DATABSE_URL Is DATABASE_URL meant?',
      'STREAMS_ANONYMUS Is STREAMS_ANONYMOUS meant?',
      'RETENTION_DAY Is RETENTION_DAYS meant?',
    ])
    assert.deepEqual(told({ DATABSE_URL: 'x', DATABASE_URL: 'x', PATH: 'x', HOME: 'x', WEBHOOK_SECRET: 'x' }), [])
  })

  it('judges a Redis by what it tells of itself', () => {
    const info = readInfo('# Server\r\nredis_version:8.8.1\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n')
    const verdicts = (changes: Record<string, string>) => {
      const changed = { ...info, ...changes }
      return [checkVersion, checkEviction, checkPersistence].map((check) => check('REDIS_URL', changed).verdict)
    }
    assert.deepEqual(verdicts({}), ['ok', 'ok', 'ok'])
    assert.deepEqual(verdicts({ redis_version: '7.0.1' }), ['warn', 'ok', 'ok'])
    assert.deepEqual(verdicts({ redis_version: '7.2.4', valkey_version: '8.1.0' }), ['ok', 'ok', 'ok'])
    for (const old of ['6.0.20', '5.0.7']) assert.equal(verdicts({ redis_version: old })[0], 'fail')
    assert.deepEqual(verdicts({ maxmemory_policy: 'allkeys-lru', aof_enabled: '0' }), ['ok', 'fail', 'warn'])
    assert.equal(checkEviction('REDIS_URL', {}).verdict, 'warn')
  })

  it('judges Node.js and clocks', () => {
    const node = (version: string) => checkNode(version, '>=20.19').verdict
    assert.deepEqual(['18.20.0', '20.18.3', '20.19.0', '24.99.0'].map(node), ['fail', 'fail', 'warn', 'ok'])
    assert.deepEqual(
      [0, 1_900, -1_900, 3_000, -3_000].map((ms) => clockFinding('Redis', ms).verdict),
      ['ok', 'ok', 'ok', 'fail', 'fail'],
    )
    assert.match(clockFinding('Redis', 3_000).says, /^3\.0 s ahead of the clock here$/)
    assert.match(clockFinding('Redis', -3_000).says, /^3\.0 s behind the clock here$/)
  })
})

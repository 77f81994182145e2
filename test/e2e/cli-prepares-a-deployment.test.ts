import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { runCommandLine } from '../support/command-line.ts'
import { type OwnPostgres, startOwnPostgres } from '../support/own-postgres.ts'
import { freePort } from '../support/ports.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'

interface Finding {
  about: string
  verdict: string
  says: string
}

describe('the command line, for whoever prepares a deployment', function () {
  this.timeout(120_000)

  let postgres: OwnPostgres
  let redis: TestRedis
  let env: NodeJS.ProcessEnv

  before(async () => {
    // That of the other tests does not wait for the disk, which the doctor would tell.
    postgres = await startOwnPostgres()
    await postgres.run('CREATE DATABASE bare')
    redis = await startRedis({ persistent: true })
    env = {
      NODE_ENV: 'production',
      DATABASE_URL: `postgres://ara:ara@127.0.0.1:${postgres.port}/bare`,
      REDIS_URL: redis.url,
      JWT_SECRET: 'a-secret-of-thirty-two-bytes-at-least',
      SECRETS_KEY: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
      HOST: '127.0.0.1',
      PORT: String(await freePort()),
      STREAMS_MAX_SOCKETS: '10',
    }
  })
  after(async () => {
    await redis?.stop()
    await postgres?.stop()
  })

  it('finds a database that is not migrated, and nothing wrong once it is', async () => {
    const before = await runCommandLine(['doctor', '--json'], env)
    assert.equal(before.code, 1)
    assert.match(find(before.stdout, 'database').says, /migrations are yet to be run/)
    const migrated = await runCommandLine(['migrate'], env)
    assert.deepEqual([migrated.code, migrated.stderr], [0, ''])
    assert.match(migrated.stdout, /^Applied: 0001/)
    assert.deepEqual(JSON.parse((await runCommandLine(['migrate', '--json'], env)).stdout), { applied: [] })
    const after = await runCommandLine(['doctor', '--json'], env)
    const { verdict, findings } = JSON.parse(after.stdout)
    const failed = findings.filter((finding: Finding) => finding.verdict === 'fail')
    assert.deepEqual([after.code, failed, verdict === 'fail'], [0, [], false])
    const looked = findings.map(({ about }: Finding) => about)
    for (const about of ['Node.js', 'packages', 'open files', 'PostgreSQL', 'clock of PostgreSQL', 'database']) {
      assert.ok(looked.includes(about), about)
    }
    for (const about of ['partitions', 'SECRETS_KEY', 'REDIS_URL', 'clock of REDIS_URL', `port ${env['PORT']}`]) {
      assert.ok(looked.includes(about), about)
    }
  })

  it('finds what would lose or stop something, and says what to do', async () => {
    const other = createServer((socket) => socket.destroy()).listen(Number(env['PORT']), '127.0.0.1')
    await once(other, 'listening')
    await redis.configure('maxmemory-policy', 'allkeys-lru')
    const { code, stdout, stderr } = await runCommandLine(['doctor'], env)
    other.close()
    assert.equal(code, 1)
    assert.match(stdout, /^fail {2}REDIS_URL: maxmemory-policy is allkeys-lru\n {6}Set maxmemory-policy noeviction/m)
    assert.match(stdout, /^fail {2}port \d+: taken by another program$/m)
    assert.match(stderr, /^2 failed, \d+ warned\.$/m)
    await redis.configure('maxmemory-policy', 'noeviction')
  })

  it('says which store cannot be reached', async () => {
    const nobody = await freePort()
    const away = {
      ...env,
      DATABASE_URL: `postgres://nobody@127.0.0.1:${nobody}/none`,
      REDIS_URL: `redis://127.0.0.1:${nobody}`,
    }
    const { code, stdout } = await runCommandLine(['doctor', '--json'], away)
    assert.equal(code, 1)
    assert.match(find(stdout, 'PostgreSQL').says, /^cannot be reached: .*ECONNREFUSED/)
    assert.match(find(stdout, 'REDIS_URL').says, /^cannot be reached: .*ECONNREFUSED/)
    assert.equal((await runCommandLine(['migrate'], away)).code, 1)
  })

  it('tells a wrong configuration without looking further', async () => {
    const { code, stdout, stderr } = await runCommandLine(['doctor'], { ...env, SECRETS_KEY: 'short', PORT: '99999' })
    assert.equal(code, 1)
    assert.match(stdout, /^fail {2}configuration: PORT: must be between 0 and 65535$/m)
    assert.match(stdout, /^fail {2}configuration: SECRETS_KEY: /m)
    assert.doesNotMatch(stdout + stderr, /^\s+at /m)
  })

  it('has help at every level, and its own exit code for words it does not know', async () => {
    const asked = await Promise.all(
      [['--help'], ['doctor', '--help'], ['--version']].map((args) => runCommandLine(args, {})),
    )
    for (const { code, stdout, stderr } of asked) assert.deepEqual([code, stderr, stdout !== ''], [0, '', true])
    for (const args of [[], ['dance'], ['doctor', 'now'], ['doctor', '--role', 'king']]) {
      const { code, stdout, stderr } = await runCommandLine(args, {})
      assert.deepEqual([code, stdout, stderr !== ''], [2, '', true], args.join(' '))
    }
  })

  function find(stdout: string, about: string): Finding {
    const { findings } = JSON.parse(stdout) as { findings: Finding[] }
    const found = findings.find((finding) => finding.about === about)
    assert.ok(found, `${about} in ${stdout}`)
    return found
  }
})

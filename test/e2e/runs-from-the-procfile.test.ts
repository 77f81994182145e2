import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/ports.ts'
import { signalGroup } from '../support/process-tree.ts'
import { type Program, startProgram } from '../support/program.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'

describe('npm run procfile', function () {
  this.timeout(400_000)

  let database: TestDatabase
  let redis: TestRedis
  let program: Program | undefined
  before(async () => {
    database = await createDatabase()
    redis = await startRedis()
  })
  after(async () => {
    // What is left of a group that was not ended would keep this process from ending.
    if (program) signalGroup(program.pid, 'SIGKILL')
    await program?.ended()
    await redis?.stop()
    await database?.drop()
  })

  function run(port: number, ...processes: string[]): Program {
    return startProgram('npm', ['run', 'procfile', '--', ...processes], {
      detached: true,
      env: {
        ...process.env,
        DATABASE_URL: database.url,
        REDIS_URL: redis.url,
        JWT_SECRET: randomBytes(32).toString('hex'),
        SECRETS_KEY: `k1:${randomBytes(32).toString('base64')}`,
        HOST: '127.0.0.1',
        PORT: String(port),
      },
    })
  }

  it('releases, runs two processes of each kind on one port and ends all of them gracefully', async () => {
    const port = await freePort()
    program = run(port, 'web=2,worker=2')
    const { output, pid } = program
    const { running } = program
    await eventually(() => !running() || output().match(/"(web|worker)\.started"/g)?.length === 4, {
      timeoutMs: 240_000,
    }).catch(() => assert.fail(output()))
    assert.ok(running(), output())
    assert.ok(output().indexOf('The database is up to date') < output().indexOf('.started'))
    assert.equal(output().match(new RegExp(`"port":${port},"msg":"web\\.started"`, 'g'))?.length, 2)
    assert.equal((await fetch(`http://127.0.0.1:${port}/health/ready`)).status, 200)

    // A terminal tells the whole group, and npm passes it on.
    process.kill(-pid, 'SIGINT')
    await setTimeout(100)
    process.kill(-pid, 'SIGINT')
    await program.ended()
    await eventually(() => output().match(/Exited Successfully/g)?.length === 4, { timeoutMs: 60_000 }).catch(() =>
      assert.fail(output()),
    )
  })

  it('runs one of each and ends both gracefully when npm is ended by SIGTERM', async () => {
    program = run(await freePort())
    const { output, running, pid } = program
    await eventually(() => !running() || output().match(/"(web|worker)\.started"/g)?.length === 2, {
      timeoutMs: 240_000,
    })
    assert.ok(running(), output())
    await program.kill('SIGTERM')
    await program.ended()
    await eventually(() => output().match(/Exited Successfully/g)?.length === 2).catch(() => assert.fail(output()))
    assert.throws(() => process.kill(-pid, 0), { code: 'ESRCH' })
  })

  it('goes on, and ends as well, when nobody reads any more what it prints', async () => {
    const port = await freePort()
    program = run(port)
    const { output, pid } = program
    await eventually(() => output().match(/"(web|worker)\.started"/g)?.length === 2, { timeoutMs: 240_000 })
    program.stopReading()
    for (let times = 0; times < 3; times += 1) {
      assert.equal((await fetch(`http://127.0.0.1:${port}/health/ready`)).status, 200)
      await setTimeout(200)
    }
    assert.ok(program.running())
    await program.kill('SIGTERM')
    await program.ended()
    assert.throws(() => process.kill(-pid, 0), { code: 'ESRCH' })
  })

  it('ends with one message that names what is not set', async () => {
    const { DATABASE_URL: _, REDIS_URL: __, JWT_SECRET: ___, SECRETS_KEY: ____, ...env } = process.env
    const worker = startProgram(process.execPath, ['dist/workers/main.js'], { env })
    assert.equal(await worker.ended(), 1)
    for (const key of ['DATABASE_URL', 'REDIS_URL', 'JWT_SECRET', 'SECRETS_KEY']) {
      assert.match(worker.output(), new RegExp(`^ {2}${key}: `, 'm'))
    }
  })
})

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Client } from 'pg'
import { lockDirectory, lockHolder } from '../../../src/embedded/lock.ts'
import { startEmbeddedPostgres } from '../../../src/embedded/postgres.ts'
import { processIdentity } from '../../../src/embedded/process-identity.ts'
import { ensureEmbeddedSecrets, readEmbeddedSecrets } from '../../../src/embedded/secrets.ts'
import { serverUser } from '../../../src/embedded/server-user.ts'
import { openLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'

const log = openLog({ level: 'silent', name: 'test' })
const password = 'a-password-of-the-tests'

describe('embedded mode', () => {
  let directory: string
  let running: { url: string; stop(): Promise<void> }[]
  let owners: ChildProcess[]

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ara-embedded-'))
    await chmod(directory, 0o755)
    running = []
    owners = []
  })

  afterEach(async () => {
    for (const owner of owners) owner.kill('SIGKILL')
    for (const server of running) await server.stop()
    const left = serversOn(directory)
    for (const pid of left) process.kill(pid, 'SIGQUIT')
    await eventually(() => serversOn(directory).length === 0)
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    assert.deepEqual(left, [], 'a PostgreSQL was left running')
  })

  async function start(onExit: (code: number | null) => void = () => undefined) {
    const server = await startEmbeddedPostgres({ directory, password, log, onExit })
    running.push(server)
    return server
  }

  /** Another process that starts PostgreSQL here, to be killed. */
  function startOwner(): ChildProcess {
    const source = pathToFileURL(join(import.meta.dirname, '../../../src/embedded/postgres.ts')).href
    const options = `{ directory: ${JSON.stringify(directory)}, password: '${password}', log, onExit() {} }`
    const script = `import { startEmbeddedPostgres } from '${source}'
      const log = { info() {}, warn() {} }
      console.log((await startEmbeddedPostgres(${options})).url)`
    const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    owners.push(owner)
    return owner
  }

  describe('PostgreSQL', () => {
    it('keeps its data over a restart, on loopback only and with a password', async () => {
      const first = await start()
      await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
      const [settings] = await query(
        first.url,
        `SELECT current_setting('listen_addresses') AS listen, current_setting('fsync') AS fsync,
           current_setting('server_encoding') AS encoding, current_setting('unix_socket_directories') AS sockets`,
      )
      assert.deepEqual(settings, { listen: '127.0.0.1', fsync: 'on', encoding: 'UTF8', sockets: '' })
      await assert.rejects(query(first.url.replace(password, 'wrong'), 'SELECT 1'), { code: '28P01' })
      await first.stop()
      const second = await start()
      assert.deepEqual(await query(second.url, 'SELECT answer FROM kept'), [{ answer: 42 }])
    })

    it('leaves no password file behind', async () => {
      await start()
      assert.deepEqual(
        readdirSync(directory).filter((name) => !/^(pg|postgres\.log|postgres-.*)$/.test(name)),
        [],
      )
    })

    it('is made anew when an earlier initdb was cut off half-way', async () => {
      await mkdir(join(directory, 'initdb-cut', 'pg'), { recursive: true })
      await writeFile(join(directory, 'initdb-cut', 'pg', 'PG_VERSION'), '18\n')
      const { url } = await start()
      assert.equal(existsSync(join(directory, 'initdb-cut')), false)
      assert.equal((await query(url, 'SELECT 1')).length, 1)
    })

    it('is made anew while the initdb of a killed owner still goes on', async () => {
      const owner = startOwner()
      await eventually(() => readdirSync(directory).some((name) => existsSync(join(directory, name, 'pg/PG_VERSION'))))
      owner.kill('SIGKILL')
      await once(owner, 'exit')
      const { url } = await start()
      assert.equal((await query(url, 'SELECT 1')).length, 1)
    })

    it('replaces the PostgreSQL that a killed owner left running', async () => {
      const owner = startOwner()
      const [printed] = await once(owner.stdout ?? assert.fail(), 'data')
      await query(String(printed).trim(), 'CREATE TABLE kept AS SELECT 42 AS answer')
      owner.kill('SIGKILL')
      await once(owner, 'exit')
      assert.equal(serversOn(directory).length, 1)
      const { url } = await start()
      assert.deepEqual(await query(url, 'SELECT answer FROM kept'), [{ answer: 42 }])
      assert.equal(serversOn(directory).length, 1)
    })

    it('starts over a pid file whose pid now belongs to another process', async () => {
      await (await start()).stop()
      // PostgreSQL itself only minds a process of its own user.
      const other = spawn('sleep', ['60'], await serverUser())
      owners.push(other)
      await writeFile(join(directory, 'pg', 'postmaster.pid'), `${other.pid}\n${directory}/pg\n1\n1\n\n\n\n`)
      const { url } = await start()
      assert.equal((await query(url, 'SELECT 1')).length, 1)
    })

    it('says when it ends unasked, and not when it was stopped', async () => {
      const codes: (number | null)[] = []
      await (await start((code) => void codes.push(code))).stop()
      assert.equal(codes.length, 0)
      await start((code) => void codes.push(code))
      for (const pid of serversOn(directory)) process.kill(pid, 'SIGINT')
      await eventually(() => codes.length > 0)
      assert.deepEqual(codes, [0])
    })

    it('refuses a wrong password at once, with the end of its log', async () => {
      await (await start()).stop()
      const wrong = startEmbeddedPostgres({ directory, password: 'another', log, onExit: () => undefined })
      await assert.rejects(wrong, /password authentication failed(.|\n)*FATAL/)
    })
  })

  describe('lock', () => {
    it('names the process that uses the directory, until that releases it', async () => {
      const first = await lockDirectory(directory)
      const message = `Another ara-events (pid ${process.pid}) is using ${directory}: stop it, or set DATA_DIR to another directory`
      await assert.rejects(lockDirectory(directory), { message })
      assert.equal(await lockHolder(directory), process.pid)
      await first.release()
      assert.equal(await lockHolder(directory), undefined)
      await (await lockDirectory(directory)).release()
      assert.deepEqual(readdirSync(directory), [])
    })

    it('takes over from a killed process, a reused pid and a damaged lock', async () => {
      const child = spawn(process.execPath, ['--eval', ''])
      await once(child, 'exit')
      const dead = `${child.pid} ${await processIdentity(process.pid)}\n`
      for (const left of [dead, `${process.pid} an-earlier-start\n`, 'nonsense\n', '']) {
        await writeFile(join(directory, 'lock'), left)
        const lock = await lockDirectory(directory)
        assert.match(readFileSync(join(directory, 'lock'), 'utf8'), new RegExp(`^${process.pid} `))
        await lock.release()
      }
    })
  })

  describe('secrets', () => {
    it('are made once and only their owner may read them', async () => {
      await assert.rejects(readEmbeddedSecrets(directory), /Run npm start once first/)
      const made = await ensureEmbeddedSecrets(directory)
      assert.deepEqual(await readEmbeddedSecrets(directory), made)
      assert.deepEqual(await ensureEmbeddedSecrets(directory), made)
      assert.equal(made.secretsKeys[0]?.key.length, 32)
      assert.equal((await stat(join(directory, 'secrets.json'))).mode & 0o777, 0o600)
    })

    it('are refused and left as they are when the file is damaged', async () => {
      const path = join(directory, 'secrets.json')
      for (const damaged of ['', '{"jwtSecret":', '{}', 'null']) {
        await writeFile(path, damaged)
        await assert.rejects(ensureEmbeddedSecrets(directory), new RegExp(`${path} is damaged`))
        assert.equal(await readFile(path, 'utf8'), damaged)
      }
    })
  })
})

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

/** The postmasters on this directory; their children have other titles. */
function serversOn(directory: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`-D\0${directory}/pg\0`)
      } catch {
        return false
      }
    })
    .map(Number)
}

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { runCommandLine } from '../support/command-line.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/ports.ts'
import { killTree } from '../support/process-tree.ts'
import { type Program, startProgram } from '../support/program.ts'
import { startTestReceiver } from '../support/receiver.ts'

const CLEAN = /^(PATH|HOME|LANG|TMPDIR)$/

describe('npm start', function () {
  this.timeout(120_000)

  let directory: string
  let port: number
  let program: Program | undefined
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ara-start-'))
    port = await freePort()
  })
  afterEach(async () => {
    await program?.stop()
    await eventually(() => serversOn(directory).length === 0)
    await rm(directory, { recursive: true, force: true })
  })

  /** As npm runs it, with nothing but the settings of the test. */
  function start(settings: Record<string, string> = {}): Program {
    program = startProgram(process.execPath, ['--enable-source-maps', 'dist/src/start.js'], { env: clean(settings) })
    return program
  }

  function clean(settings: Record<string, string>): NodeJS.ProcessEnv {
    const inherited = Object.entries(process.env).filter(([name]) => CLEAN.test(name))
    return { ...Object.fromEntries(inherited), DATA_DIR: directory, PORT: String(port), ...settings }
  }

  const untilUp = (started: Program) => started.waitFor(/Ctrl-C stops everything/, 60_000)

  it('prints what one needs to try it, and all of it works as printed', async () => {
    const receiver = await startTestReceiver()
    try {
      const started = start()
      await untilUp(started)
      const printed = started.output()
      const base = `http://localhost:${port}`
      assert.ok(printed.includes(`runs at ${base}\n`))
      const [admin = '', user = ''] = printed.match(/eyJ[\w-]+\.[\w-]+\.[\w-]+$/gm) ?? []
      assert.equal((await me(base, admin)).role, 'admin')
      assert.deepEqual(await me(base, user), { user_id: 'alice', role: 'user' })
      const body = /-d '(.+)'$/m.exec(printed)?.[1]?.replace('http://127.0.0.1:3000', receiver.url) ?? ''
      const created = await fetch(`${base}/api/v1/webhooks`, {
        method: 'POST',
        headers: { authorization: `Bearer ${user}`, 'content-type': 'application/json' },
        body,
      })
      assert.equal(created.status, 201, await created.clone().text())
      await eventually(() => receiver.received.length > 0, { timeoutMs: 30_000 })
      const stream = /^ {2}(ws:\S+)$/m.exec(printed)?.[1] ?? ''
      assert.match(await firstUpdate(stream), /"type":"prediction_update","symbol":"AAPL".*"demo": ?true/)
      const page = /^ {2}(http:\S+\/console)#sign-in=(\S+)$/m.exec(printed)
      assert.match(await (await fetch(page?.[1] ?? '')).text(), /<div id="app">/)
      const codes = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ code: page?.[2] }),
      }
      const signedIn = (await (await fetch(`${base}/api/v1/auth/sign-in`, codes)).json()) as { token: string }
      assert.equal((await me(base, signedIn.token)).role, 'admin')
      assert.equal((await fetch(`${base}/api/v1/auth/sign-in`, codes)).status, 401)
      const board = /^ {2}(http:\S+\/admin\/queues)$/m.exec(printed)?.[1] ?? ''
      assert.equal((await fetch(board, { headers: { authorization: `Bearer ${admin}` } })).status, 200)
    } finally {
      await receiver.close()
    }
  })

  it('stops cleanly on Ctrl-C, PostgreSQL included, and keeps the data for the next start', async () => {
    const first = start({ DEMO_FEED: 'false' })
    await untilUp(first)
    const [, user = ''] = first.output().match(/eyJ[\w-]+\.[\w-]+\.[\w-]+$/gm) ?? []
    const headers = { authorization: `Bearer ${user}`, 'content-type': 'application/json' }
    const url = `http://localhost:${port}/api/v1/webhooks`
    const body = JSON.stringify({ url: 'https://receiver.example.com/hook', events: ['*'] })
    const created = (await (await fetch(url, { method: 'POST', headers, body })).json()) as { id: string }
    await first.kill('SIGINT')
    assert.equal(await first.ended(), 0, first.output())
    assert.match(first.output(), /Stopped\.\n$/)
    assert.deepEqual(serversOn(directory), [])

    const second = start({ DEMO_FEED: 'false' })
    await untilUp(second)
    const found = await fetch(`${url}/${created.id}`, { headers })
    assert.equal(found.status, 200, 'the token and the webhook of the first start still hold')
  })

  it('stops all of it, PostgreSQL included, when npm is ended by SIGTERM', async () => {
    program = startProgram('npm', ['start'], { env: clean({ DEMO_FEED: 'false' }) })
    await untilUp(program)
    const own = Number(readFileSync(join(directory, 'lock'), 'utf8').split(' ')[0])
    try {
      await program.kill('SIGTERM')
      await program.ended()
      assert.match(program.output(), /Stopped\.\n/)
      assert.deepEqual([existsSync(join(directory, 'lock')), serversOn(directory)], [false, []])
    } finally {
      killTree(own)
      for (const server of serversOn(directory)) killTree(Number(server))
    }
  })

  it('goes on and stops as gracefully when nobody reads any more what it prints', async () => {
    const started = start({ LOG_LEVEL: 'info' })
    await untilUp(started)
    started.stopReading()
    const health = `http://localhost:${port}/health/ready`
    for (let times = 0; times < 5; times += 1) assert.equal((await fetch(health)).status, 200)
    await started.kill('SIGTERM')
    assert.equal(await started.ended(), 0)
    assert.deepEqual([existsSync(join(directory, 'lock')), serversOn(directory)], [false, []])
  })

  it('starts again after it was killed, with PostgreSQL still running', async () => {
    const first = start({ DEMO_FEED: 'false' })
    await untilUp(first)
    await first.kill('SIGKILL')
    assert.equal(serversOn(directory).length, 1)
    await untilUp(start({ DEMO_FEED: 'false' }))
    assert.equal(serversOn(directory).length, 1)
  })

  it('starts again after it was killed at any moment of its first start', async () => {
    for (const ms of [150, 600, 1_200]) {
      const early = start({ DEMO_FEED: 'false' })
      await new Promise((resolve) => setTimeout(resolve, ms))
      await early.kill('SIGKILL')
    }
    await untilUp(start({ DEMO_FEED: 'false' }))
  })

  it('ends with one line when another one uses the data directory', async () => {
    const first = start({ DEMO_FEED: 'false' })
    await untilUp(first)
    const second = start({ DEMO_FEED: 'false', PORT: String(await freePort()) })
    assert.equal(await second.ended(), 1)
    const said = `^Another ara-events \\(pid ${first.pid}\\) is using .*: stop it, or set DATA_DIR to another directory\\n$`
    assert.match(second.output(), new RegExp(said))
    const { stdout } = await runCommandLine(['doctor'], clean({ PORT: String(await freePort()) }))
    assert.match(
      stdout,
      new RegExp(`^fail {2}data directory: .* is in use by an ara-events \\(pid ${first.pid}\\)$`, 'm'),
    )
    const beside = await runCommandLine(['doctor'], clean({}))
    assert.match(beside.stdout, /^ok {4}data directory: .* in use by the running ara-events$/m)
    program = first
  })

  it('ends with one line when the port is taken, and leaves nothing running', async () => {
    const other = createServer().listen(port, '127.0.0.1')
    try {
      const started = start({ DEMO_FEED: 'false' })
      assert.equal(await started.ended(), 1)
      assert.match(
        started.output(),
        new RegExp(`^Nothing can listen on 127\\.0\\.0\\.1:${port}: the port is taken\\. .*PORT`),
      )
      assert.deepEqual(serversOn(directory), [])
    } finally {
      other.close()
    }
  })

  it('ends with one line when the data directory is a file', async () => {
    const file = join(directory, 'file')
    await writeFile(file, '')
    const started = start({ DATA_DIR: file })
    assert.equal(await started.ended(), 1)
    assert.match(started.output(), /^The data directory .*file cannot be made \(there is a file in its place\).*\n$/)
  })

  it('ends with one line when the given PostgreSQL cannot be reached', async () => {
    const nobody = `127.0.0.1:${await freePort()}`
    const started = start({ DATABASE_URL: `postgres://ara:secret@${nobody}/ara` })
    assert.equal(await started.ended(), 1)
    assert.equal(started.output(), `PostgreSQL cannot be reached: connect ECONNREFUSED ${nobody}\n`)
  })

  it('warns when it is opened to the network, and not else', async () => {
    const open = start({ DEMO_FEED: 'false', HOST: '0.0.0.0' })
    await untilUp(open)
    assert.match(open.output(), /^WARNING: HOST=0\.0\.0\.0 opens .* streams without a token, and webhooks .*\.$/m)
    await open.stop()
    const closed = start({ DEMO_FEED: 'false' })
    await untilUp(closed)
    assert.doesNotMatch(closed.output(), /WARNING/)
  })

  it('is stopped by one signal while it still waits for a store', async () => {
    const redis = `redis://127.0.0.1:${await freePort()}`
    const waiting = start({ DEMO_FEED: 'false', REDIS_URL: redis })
    await waiting.waitFor(/store\.unreachable/, 60_000)
    await waiting.kill('SIGINT')
    assert.equal(await waiting.ended(), 0)
    assert.deepEqual(serversOn(directory), [])
  })

  it('names every bad setting in one message', async () => {
    const started = start({ PORT: 'x', JWT_SECRET: 'short', DEMO_FEED: 'perhaps' })
    assert.equal(await started.ended(), 1)
    for (const key of ['PORT', 'JWT_SECRET', 'DEMO_FEED'])
      assert.match(started.output(), new RegExp(`^ {2}${key}: `, 'm'))
    assert.doesNotMatch(started.output(), /short/)
  })
})

async function me(base: string, token: string): Promise<{ user_id?: string; role?: string }> {
  const response = await fetch(`${base}/api/v1/auth/me`, { headers: { authorization: `Bearer ${token}` } })
  const { user_id, role } = (await response.json()) as { user_id: string; role: string }
  return { user_id, role }
}

function firstUpdate(url: string): Promise<string> {
  const socket = new WebSocket(url)
  return new Promise<string>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('message', (frame) => String(frame).includes('prediction_update') && resolve(String(frame)))
  }).finally(() => socket.terminate())
}

/** The PostgreSQL servers that run on a data directory, by their pids. */
function serversOn(directory: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`postgres\0-D\0${directory}/pg`)
    } catch {
      return false
    }
  })
}

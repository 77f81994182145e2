import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './ports.ts'
import { type Program, runProgram, startProgram } from './program.ts'

/** The whole system as `npm start` runs it, on a port and a data directory of its own. Needs `npm run build` before. */
export interface EmbeddedSystem {
  /** `127.0.0.1:<port>` */
  host: string
  program: Program
  token(sub: string, role: string): Promise<string>
  /** Calls the API; throws on anything but 2xx. */
  call<Answer>(method: string, path: string, token: string, body?: unknown): Promise<Answer>
  stop(): Promise<void>
}

const OWN_SETTINGS =
  /^(DATABASE_|REDIS_|STREAMS_|JWT_|SECRETS_|NODE_ENV$|HOST$|PORT$|DATA_DIR$|DEMO_|DELIVERY_|WEBHOOK)/

const START = ['dist/src/start.js']

/** @param start what Node.js is to run */
export async function startEmbeddedSystem(
  settings: Record<string, string> = {},
  start: readonly string[] = START,
): Promise<EmbeddedSystem> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ara-events-'))
  const port = await freePort()
  const inherited = Object.entries(process.env).filter(([name]) => !OWN_SETTINGS.test(name))
  const env = { ...Object.fromEntries(inherited), DATA_DIR: dataDir, PORT: String(port), ...settings }
  const program = startProgram(process.execPath, ['--enable-source-maps', ...start], { env })
  const host = `127.0.0.1:${port}`
  const stop = async () => {
    await program.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
  try {
    await untilReady(host, program)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    host,
    program,
    async token(sub, role) {
      const args = ['run', '--silent', 'token', '--', '--sub', sub, '--role', role]
      return (await runProgram('npm', args, { env })).trim()
    },
    call: (method, path, token, body) => call(`http://${host}${path}`, method, token, body),
    stop,
  }
}

async function untilReady(host: string, program: Program): Promise<void> {
  const deadline = Date.now() + 90_000
  for (;;) {
    const status = await fetch(`http://${host}/health/ready`).then(
      (response) => response.status,
      () => 0,
    )
    if (status === 200) return
    if (!program.running() || Date.now() > deadline) throw new Error(`The system did not start:\n${program.output()}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function call<Answer>(url: string, method: string, token: string, body: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`)
  return (text === '' ? undefined : JSON.parse(text)) as Answer
}

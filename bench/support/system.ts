import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Database } from '../../src/db/database.ts'
import { createSecretBox } from '../../src/db/secret-box.ts'
import { makeToken } from '../../src/identity/make-token.ts'
import { uuidv7 } from '../../src/ids.ts'
import { insertWebhook } from '../../src/webhooks/webhook-store.ts'
import { freePort } from '../../test/support/ports.ts'
import { type Program, startProgram } from '../../test/support/program.ts'
import type { Stores } from './stores.ts'

/** One web process and some workers, as the Procfile starts them. */
export interface BenchSystem {
  url: string
  /** Of a producer. */
  token: string
  env: NodeJS.ProcessEnv
  insertWebhooks(count: number, fields: { url: string; events: string[] }): Promise<string[]>
  stop(): Promise<void>
}

export async function startSystem(
  stores: Stores,
  options: { workers: number; env?: NodeJS.ProcessEnv },
): Promise<BenchSystem> {
  const secret = randomBytes(32).toString('hex')
  const key = randomBytes(32)
  const port = await freePort()
  const env = {
    ...process.env,
    DATABASE_URL: stores.databaseUrl,
    REDIS_URL: stores.redis.url,
    JWT_SECRET: secret,
    SECRETS_KEY: `k1:${key.toString('base64')}`,
    WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8',
    HOST: '127.0.0.1',
    PORT: String(port),
    LOG_LEVEL: 'warn',
    ...options.env,
  }
  const start = (file: string) => startProgram(process.execPath, [file], { env })
  const web = start('dist/src/web.js')
  const workers = Array.from({ length: options.workers }, () => start('dist/workers/main.js'))
  const url = `http://127.0.0.1:${port}`
  await untilReady(url, web)
  return {
    url,
    env,
    token: makeToken({ secret }, { sub: 'bench', role: 'producer', tier: 'free' }, 3600),
    insertWebhooks: (count, fields) => insertWebhooks(stores.db, key, count, fields),
    stop: async () => void (await Promise.all([web, ...workers].map((program) => program.stop()))),
  }
}

/** @returns their ids */
export async function insertWebhooks(
  db: Database,
  key: Buffer,
  count: number,
  { url, events }: { url: string; events: string[] },
): Promise<string[]> {
  const box = createSecretBox([{ id: 'k1', key }])
  const ids = Array.from({ length: count }, () => uuidv7())
  for (const [index, id] of ids.entries()) {
    const webhook = {
      id,
      user_id: 'bench',
      url: `${url}-${index}`,
      events,
      symbols: null,
      secret: box.seal('a-secret-of-the-bench', id),
      headers: null,
      header_names: [],
      description: null,
      active: true,
      signature_style: 'canonical' as const,
      max_attempts: 10,
    }
    await db.transaction((sql) => insertWebhook(sql, webhook, 100_000))
  }
  return ids
}

async function untilReady(url: string, web: Program): Promise<void> {
  const ready = () =>
    fetch(`${url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await ready())) {
    if (!web.running()) throw new Error(`The web process ended:\n${web.output()}`)
    await setTimeout(100)
  }
}

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { ConfigError } from '../../../src/config.ts'
import { createSecretBox } from '../../../src/db/secret-box.ts'
import { uuidv7 } from '../../../src/ids.ts'
import { refuseUnknownKeys, resealWebhooks } from '../../../src/webhooks/reseal-webhooks.ts'
import { insertWebhook, updateWebhook } from '../../../src/webhooks/webhook-store.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { startProgram } from '../../support/program.ts'

const [k0, k1, k2] = ['k0', 'k1', 'k2'].map((id) => ({ id, key: randomBytes(32) as Buffer })) as [Key, Key, Key]
interface Key {
  id: string
  key: Buffer
}

describe('replacing SECRETS_KEY', () => {
  let database: TestDatabase
  const errors: unknown[] = []
  const reseal = (...keys: Key[]) =>
    resealWebhooks({ db: database.db, secrets: createSecretBox(keys), onError: (error) => void errors.push(error) })

  before(async () => {
    database = await createDatabase()
  })
  after(() => database.drop())
  beforeEach(async () => {
    errors.length = 0
    await database.db.query({ text: 'TRUNCATE webhooks, webhook_stats' })
  })

  it('seals every secret, former secret and header anew under the first key, whatever their number', async () => {
    const ids = await storeMany(k1, 210)
    assert.deepEqual(await keyIds(), ['k1'])
    const updated = await updatedAt()
    assert.deepEqual(await reseal(k2, k1), { resealed: 210, left: 0 })
    assert.deepEqual(await keyIds(), ['k2'])
    for (const [index, id] of ids.entries()) {
      const { secret, previous_secret, headers } = await find(id)
      const box = createSecretBox([k2])
      assert.equal(box.open(secret, id), `secret ${index}`)
      assert.equal(box.open(previous_secret, id), `former secret ${index}`)
      assert.deepEqual(JSON.parse(box.open(headers, id)), { 'X-Team': `secret ${index}` })
    }
    assert.deepEqual(await updatedAt(), updated, 'it is no change of the owner’s')
    assert.deepEqual(await reseal(k2, k1), { resealed: 0, left: 0 })
  })

  it('does nothing with one key, and counts what is under another', async () => {
    await store(k1, 'secret')
    assert.deepEqual(await reseal(k1), { resealed: 0, left: 0 })
    assert.deepEqual(await reseal(k2), { resealed: 0, left: 1 })
    assert.deepEqual(await keyIds(), ['k1'])
  })

  it('leaves what it cannot open, says so, and goes on', async () => {
    const [broken, foreign, good] = [await store(k1, 'a'), await store(k0, 'b'), await store(k1, 'c')]
    await updateWebhook(database.db, broken, { secret: createSecretBox([k1]).seal('a', 'another row') })
    assert.deepEqual(await reseal(k2, k1), { resealed: 1, left: 2 })
    assert.equal(errors.length, 1)
    const of = async (id: string) => createSecretBox([k0, k1, k2]).open((await find(id)).secret, id)
    assert.deepEqual([await of(foreign), await of(good)], ['b', 'c'])
  })

  it('runs in several workers beside changes of the same webhooks, and loses none of them', async () => {
    const ids = await storeMany(k1, 120)
    const [older, newer] = [createSecretBox([k1, k2]), createSecretBox([k2, k1])]
    const change = async (box: typeof older, half: number) => {
      for (const [index, id] of ids.entries()) {
        if (index % 2 === half) await updateWebhook(database.db, id, { secret: box.seal(`changed ${index}`, id) })
      }
    }
    await Promise.all([change(older, 1), change(newer, 0), ...[1, 2, 3].map(() => reseal(k2, k1))])
    assert.equal((await reseal(k2, k1)).left, 0)
    const box = createSecretBox([k2])
    for (const [index, id] of ids.entries()) assert.equal(box.open((await find(id)).secret, id), `changed ${index}`)
    assert.deepEqual(errors, [])
  })

  it('lets nothing start that lacks a key in use, and names it in one line', async () => {
    await refuseUnknownKeys(database.db, createSecretBox([k2]))
    await store(k1, 'a')
    await store(k1, 'b')
    await store(k0, 'c')
    await refuseUnknownKeys(database.db, createSecretBox([k2, k1, k0]))
    await assert.rejects(refuseUnknownKeys(database.db, createSecretBox([k2, k1])), (error: unknown) => {
      assert.ok(error instanceof ConfigError)
      assert.match(
        error.message,
        /SECRETS_KEY: webhooks are sealed with "k0" \(1\b.*, but the keys given are "k2", "k1"$/,
      )
      return true
    })
    await assert.rejects(
      refuseUnknownKeys(database.db, createSecretBox([k2])),
      /"k0" \(1 webhooks\), "k1" \(2 webhooks\)/,
    )
    const program = startProgram(process.execPath, ['--import', 'tsx', 'src/web.ts'], {
      env: {
        ...process.env,
        DATABASE_URL: database.url,
        REDIS_URL: 'redis://127.0.0.1:1',
        JWT_SECRET: 'a-secret-of-the-tests-with-32-bytes',
        SECRETS_KEY: `k2:${k2.key.toString('base64')}`,
        LOG_LEVEL: 'silent',
        PORT: '0',
      },
    })
    assert.equal(await program.ended(), 1)
    assert.match(program.output(), /^The configuration is not usable:\n {2}SECRETS_KEY: webhooks are sealed with .*\n$/)
  })

  async function storeMany(key: Key, count: number): Promise<string[]> {
    const ids: string[] = []
    while (ids.length < count) ids.push(await store(key, `secret ${ids.length}`))
    return ids
  }

  async function store(key: Key, secret: string): Promise<string> {
    const id = uuidv7()
    const box = createSecretBox([key])
    const webhook = {
      ...{ id, user_id: 'alice', url: 'https://receiver.example/hook', events: ['*'], symbols: null },
      ...{ secret: box.seal(secret, id), headers: box.seal(JSON.stringify({ 'X-Team': secret }), id) },
      ...{ header_names: ['X-Team'], description: null, active: true, max_attempts: 3 },
      signature_style: 'canonical' as const,
    }
    await database.db.transaction((sql) => insertWebhook(sql, webhook, 1_000_000))
    await database.db.query({
      text: "UPDATE webhooks SET previous_secret = $2, rotation_ends_at = now() + interval '1 day' WHERE id = $1",
      values: [id, box.seal(`former ${secret}`, id)],
    })
    return id
  }

  async function find(id: string) {
    const [row] = await database.db.query<{ secret: Buffer; previous_secret: Buffer; headers: Buffer }>({
      text: 'SELECT secret, previous_secret, headers FROM webhooks WHERE id = $1',
      values: [id],
    })
    return row ?? assert.fail(id)
  }

  /** As the operators' page says to ask. */
  async function keyIds(): Promise<string[]> {
    const rows = await database.db.query<{ key_id: string }>({
      text: `SELECT sealed_key_id(secret) AS key_id FROM webhooks
             UNION SELECT sealed_key_id(previous_secret) FROM webhooks WHERE previous_secret IS NOT NULL
             UNION SELECT sealed_key_id(headers) FROM webhooks WHERE headers IS NOT NULL`,
    })
    return rows.map((row) => row.key_id)
  }

  function updatedAt() {
    return database.db.query({ text: 'SELECT id, updated_at FROM webhooks ORDER BY id' })
  }
})

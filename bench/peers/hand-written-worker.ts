import { createHmac } from 'node:crypto'
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { Pool } from 'pg'

/**
 * What a Node team writes by hand: the job carries the event, global `fetch` sends it, one `INSERT` logs the attempt. No
 * claim, no fence, no address guard, no batching.
 */
const { DATABASE_URL = '', REDIS_URL = '', CONCURRENCY = '300', QUEUE = 'by-hand' } = process.env
const pool = new Pool({ connectionString: DATABASE_URL, max: 10 })
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null })

interface Job {
  delivery_id: string
  url: string
  secret: string
  payload: unknown
}

const worker = new Worker<Job>(
  QUEUE,
  async ({ data, attemptsMade }) => {
    const body = JSON.stringify(data.payload)
    const signature = createHmac('sha256', data.secret).update(body).digest('hex')
    const startedAt = Date.now()
    const response = await fetch(data.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-webhook-signature': `sha256=${signature}`,
        'idempotency-key': data.delivery_id,
      },
      body,
      signal: AbortSignal.timeout(15_000),
    })
    const text = await response.text()
    await pool.query(
      `INSERT INTO by_hand_attempts (delivery_id, attempt, status, response_code, response_body, duration_ms)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [data.delivery_id, attemptsMade + 1, response.ok, response.status, text.slice(0, 16_384), Date.now() - startedAt],
    )
    if (!response.ok) throw new Error(`The receiver answered ${response.status}`)
  },
  { connection, concurrency: Number(CONCURRENCY), removeOnComplete: { count: 100 } },
)
worker.on('error', (error) => process.stderr.write(`${error.message}\n`))
await worker.waitUntilReady()
process.stdout.write('ready\n')

process.on('SIGTERM', async () => {
  await worker.close()
  connection.disconnect()
  await pool.end()
})

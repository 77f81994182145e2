import { Pool } from 'undici'

/** undici alone: as many requests as it can make, with the same body and the same number in flight. Prints requests/s. */
const { RECEIVER = '', REQUESTS = '20000', CONCURRENCY = '300', BODY = '{}' } = process.env
const pool = new Pool(RECEIVER, { connections: Number(CONCURRENCY), pipelining: 1 })
let left = Number(REQUESTS)
const startedAt = performance.now()

async function keepSending(): Promise<void> {
  while (left > 0) {
    left -= 1
    const { body } = await pool.request({
      method: 'POST',
      path: '/hook',
      headers: { 'content-type': 'application/json' },
      body: BODY,
    })
    await body.dump()
  }
}

await Promise.all(Array.from({ length: Number(CONCURRENCY) }, keepSending))
process.stdout.write(`${Math.round((Number(REQUESTS) / (performance.now() - startedAt)) * 1000)}\n`)
await pool.close()

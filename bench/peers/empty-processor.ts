import { Worker } from 'bullmq'
import { Redis } from 'ioredis'

/** BullMQ alone: jobs that do nothing. The ceiling of whatever runs a job an attempt. */
const { REDIS_URL = '', CONCURRENCY = '300', QUEUE = 'empty' } = process.env
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null })
const worker = new Worker(QUEUE, async () => undefined, {
  connection,
  concurrency: Number(CONCURRENCY),
  removeOnComplete: { count: 100 },
})
worker.on('error', (error) => process.stderr.write(`${error.message}\n`))
await worker.waitUntilReady()
process.stdout.write('ready\n')

process.on('SIGTERM', async () => {
  await worker.close()
  connection.disconnect()
})

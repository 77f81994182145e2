/**
 * A Koa receiver that leaves the verification to the client of this repository: `webhook-signature`, which covers the time too.
 *
 *   npm install koa
 *   WEBHOOK_SECRET=your-secret-key-min-16-chars PORT=3000 node koa-receiver.mjs
 *
 * Register http://<this machine>:3000/webhook with the same secret. In a program of yours the import is from 'ara-events-client'.
 */
import Koa from 'koa'
import { verifyWebhook, WebhookRefused } from '../../client/dist/index.js'

const { WEBHOOK_SECRET, HOST = '127.0.0.1', PORT = '3000' } = process.env
if (!WEBHOOK_SECRET) {
  console.error('Set WEBHOOK_SECRET to the secret of the webhook.')
  process.exit(1)
}

const LIMIT = 256 * 1024
// A delivery may come twice (an answer was lost): its id is the same on every attempt. Use your database here.
const handled = new Set()

const app = new Koa()
app.use(async (ctx) => {
  if (ctx.method !== 'POST' || ctx.path !== '/webhook') return
  try {
    const { event, deliveryId } = await verifyWebhook(await readBody(ctx), ctx.headers, WEBHOOK_SECRET)
    if (!handled.has(deliveryId)) {
      handled.add(deliveryId)
      console.log(event.event_type, JSON.stringify(event.data))
    }
    ctx.body = { status: 'received' }
  } catch (error) {
    if (!(error instanceof WebhookRefused)) throw error
    ctx.status = 401
    ctx.body = { error: error.code }
  }
})

app.listen(Number(PORT), HOST, () => console.log(`listening on http://${HOST}:${PORT}/webhook`))

/** The bytes as they came; a parser of bodies would leave another text. */
async function readBody(ctx) {
  const chunks = []
  let size = 0
  for await (const chunk of ctx.req) {
    size += chunk.length
    if (size > LIMIT) ctx.throw(413)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

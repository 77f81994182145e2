/**
 * The recommended Node receiver: it verifies the bytes that came, before it parses them, so the signature covers all.
 *
 *   npm install express
 *   WEBHOOK_SECRET=your-secret-key-min-16-chars PORT=3000 node express-receiver.mjs
 *
 * Register http://<this machine>:3000/webhook with the same secret.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import express from 'express'

const { WEBHOOK_SECRET, HOST = '127.0.0.1', PORT = '3000' } = process.env
if (!WEBHOOK_SECRET) {
  console.error('Set WEBHOOK_SECRET to the secret of the webhook.')
  process.exit(1)
}

const app = express()
// A delivery may come twice (an answer was lost): its id is the same on every attempt. Use your database here.
const handled = new Set()

app.post('/webhook', express.raw({ type: 'application/json', limit: '256kb' }), (req, res) => {
  // Without a body of that type Express leaves something else than bytes here.
  const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0)
  if (!isSigned(body, req.get('x-webhook-signature') ?? '')) {
    return res.status(401).json({ error: 'Invalid signature' })
  }
  const delivery = req.get('idempotency-key')
  if (!handled.has(delivery)) {
    handled.add(delivery)
    const { event_type, data } = JSON.parse(body.toString())
    console.log(event_type, JSON.stringify(data))
  }
  res.json({ status: 'received' })
})

app.listen(Number(PORT), HOST, () => console.log(`listening on http://${HOST}:${PORT}/webhook`))

function isSigned(body, given) {
  const expected = Buffer.from(`sha256=${createHmac('sha256', WEBHOOK_SECRET).update(body).digest('hex')}`)
  const actual = Buffer.from(given)
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}

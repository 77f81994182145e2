/**
 * For webhooks made with `signature_style: "node-quickstart"`: the text that is signed there is the event with its
 * top-level keys sorted and those same keys as a filter at every depth. So `data` arrives as it was sent only if you trust
 * the network: THE SIGNATURE DOES NOT COVER WHAT IS IN `data`. Prefer express-receiver.mjs, which verifies every byte.
 *
 *   npm install express
 *   WEBHOOK_SECRET=your-secret-key-min-16-chars PORT=3000 node node-quickstart-receiver.mjs
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import express from 'express'

const { WEBHOOK_SECRET, HOST = '127.0.0.1', PORT = '3000' } = process.env
if (!WEBHOOK_SECRET) {
  console.error('Set WEBHOOK_SECRET to the secret of the webhook.')
  process.exit(1)
}

const app = express()
app.use(express.json({ limit: '256kb' }))

app.post('/webhook', (req, res) => {
  const event = req.body ?? {}
  const signedText = JSON.stringify(event, Object.keys(event).sort())
  const expected = Buffer.from(`sha256=${createHmac('sha256', WEBHOOK_SECRET).update(signedText).digest('hex')}`)
  const given = Buffer.from(req.get('x-webhook-signature') ?? '')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return res.status(401).json({ error: 'Invalid signature' })
  }
  console.log(event.event_type, JSON.stringify(event.data))
  res.json({ status: 'received' })
})

app.listen(Number(PORT), HOST, () => console.log(`listening on http://${HOST}:${PORT}/webhook`))

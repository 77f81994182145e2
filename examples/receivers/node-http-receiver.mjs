/**
 * A receiver on plain node:http that verifies Standard Webhooks by hand, to show all there is to it. It needs no package.
 *
 *   WEBHOOK_SECRET=your-secret-key-min-16-chars PORT=3000 node node-http-receiver.mjs
 *
 * Register http://<this machine>:3000/webhook with the same secret, or with whsec_… as it was made for the webhook.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const { WEBHOOK_SECRET, HOST = '127.0.0.1', PORT = '3000' } = process.env
if (!WEBHOOK_SECRET) {
  console.error('Set WEBHOOK_SECRET to the secret of the webhook.')
  process.exit(1)
}

// whsec_ stands for the bytes that follow in base64, any other secret for its own.
const KEY = WEBHOOK_SECRET.startsWith('whsec_') ? Buffer.from(WEBHOOK_SECRET.slice(6), 'base64') : WEBHOOK_SECRET
const TOLERANCE_SECONDS = 300
const LIMIT = 256 * 1024
// A delivery may come twice (an answer was lost): its id is the same on every attempt. Use your database here.
const handled = new Set()

const server = createServer((req, res) => {
  receive(req, res).catch(() => res.destroy())
})
server.listen(Number(PORT), HOST, () => console.log(`listening on http://${HOST}:${PORT}/webhook`))

async function receive(req, res) {
  if (req.method !== 'POST' || req.url !== '/webhook') return answer(res, 404, { error: 'not found' })
  const body = await readBody(req)
  if (body === null) return answer(res, 413, { error: 'too large' })
  if (!isSigned(body, req.headers)) return answer(res, 401, { error: 'invalid signature' })
  const delivery = req.headers['webhook-id']
  if (!handled.has(delivery)) {
    handled.add(delivery)
    const { event_type, data } = JSON.parse(body.toString())
    console.log(event_type, JSON.stringify(data))
  }
  answer(res, 200, { status: 'received' })
}

/** Any of the signatures: while a secret is replaced there are two. */
function isSigned(body, headers) {
  const { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': signatures = '' } = headers
  if (!id || !/^\d{1,11}$/.test(seconds ?? '')) return false
  if (Math.abs(Date.now() / 1000 - Number(seconds)) > TOLERANCE_SECONDS) return false
  const hmac = createHmac('sha256', KEY).update(`${id}.${seconds}.`).update(body)
  const expected = Buffer.from(`v1,${hmac.digest('base64')}`)
  return signatures.split(' ').some((text) => {
    const given = Buffer.from(text)
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}

/** The bytes as they came, or null when there are too many. */
async function readBody(req) {
  const chunks = []
  let size = 0
  for await (const chunk of req) {
    size += chunk.length
    if (size > LIMIT) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function answer(res, status, body) {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/**
 * A receiver that leaves the verification to the library of Standard Webhooks (https://www.standardwebhooks.com), which
 * also refuses what is older than five minutes and takes both secrets while one replaces the other.
 *
 *   npm install standardwebhooks
 *   WEBHOOK_SECRET=whsec_… PORT=3000 node standard-webhooks.mjs
 *
 * The library wants a secret of the form whsec_<base64>: create the webhook without a secret and one is made and shown.
 */
import { createServer } from 'node:http'
import { Webhook, WebhookVerificationError } from 'standardwebhooks'

const { WEBHOOK_SECRET, HOST = '127.0.0.1', PORT = '3000' } = process.env
if (!WEBHOOK_SECRET?.startsWith('whsec_')) {
  console.error('Set WEBHOOK_SECRET to the whsec_… secret of the webhook.')
  process.exit(1)
}

const webhook = new Webhook(WEBHOOK_SECRET)
const LIMIT = 256 * 1024

const server = createServer(async (req, res) => {
  try {
    const { event_type, data } = webhook.verify(await readBody(req), req.headers)
    console.log(event_type, JSON.stringify(data))
    res.end('received')
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) console.error(error.message)
    res.writeHead(error instanceof WebhookVerificationError ? 401 : 400).end(error.message)
  }
})

server.listen(Number(PORT), HOST, () => console.log(`listening on http://${HOST}:${PORT}/`))

async function readBody(req) {
  const chunks = []
  let size = 0
  for await (const chunk of req) {
    size += chunk.length
    if (size > LIMIT) throw new Error('The body is too large.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/**
 * Publishes one prediction as an event (stored, streamed, delivered to webhooks) and prints the answer.
 *
 *   ARA_TOKEN=<a token with the role producer or admin> node producer.mjs AAPL 187.5 180 0.7
 *                                                      symbol, predicted price, current price, confidence
 *
 * The idempotency key is made once and goes with every repeat, so a lost answer never makes a second event.
 */
import { randomUUID } from 'node:crypto'

const { ARA_URL = 'http://localhost:8000', ARA_TOKEN } = process.env
const [symbol = 'AAPL', predicted = '187.5', current = '180', confidence = '0.7'] = process.argv.slice(2)
if (!ARA_TOKEN) {
  console.error('Set ARA_TOKEN to a token that may publish.')
  process.exit(1)
}

const event = {
  event_type: 'prediction_complete',
  data: {
    symbol,
    predicted_price: Number(predicted),
    current_price: Number(current),
    confidence: Number(confidence),
    model_version: 'example-producer',
  },
}

console.log(JSON.stringify(await publish(event, randomUUID()), null, 2))

async function publish(event, key) {
  for (let attempt = 0; attempt < 6; attempt += 1) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt))
    const response = await send(event, key)
    const answer = await response?.json()
    if (response?.ok) return answer
    if (response && response.status < 500 && response.status !== 429) {
      throw new Error(`${response.status} ${JSON.stringify(answer)}`)
    }
    console.error(response ? `${response.status}, trying again` : 'no answer, trying again')
    const seconds = Number(response?.headers.get('retry-after'))
    if (seconds > 0) await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  }
  throw new Error('Given up after six attempts.')
}

/** The response, or undefined when none came. */
async function send(event, key) {
  try {
    return await fetch(`${ARA_URL}/api/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ARA_TOKEN}`, 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(event),
      signal: AbortSignal.timeout(10_000),
    })
  } catch (error) {
    if (error instanceof TypeError || error.name === 'TimeoutError') return undefined
    throw error
  }
}

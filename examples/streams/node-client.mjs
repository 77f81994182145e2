/*
 * Prints what several streams carry, and goes on without a hole when the connection is lost.
 *
 *     npm install ws        (in Node 22 and later WebSocket is built in)
 *     node node-client.mjs predictions/AAPL market-data/^GSPC alerts
 *
 * ARA_URL is the server, http://localhost:8000 by default; ARA_TOKEN a token, which the embedded mode does not need; COUNT ends
 * it after so many messages. In a program of yours the first import is `from 'ara-events-client'`.
 */
import { connectStreams } from '../../client/dist/index.js'

const { ARA_URL = 'http://localhost:8000', ARA_TOKEN, COUNT = 'Infinity' } = process.env
const streams = process.argv.slice(2)
const WebSocket = globalThis.WebSocket ?? (await import('ws')).WebSocket
const client = connectStreams({ url: ARA_URL, WebSocket, ...(ARA_TOKEN ? { token: ARA_TOKEN } : {}) })
let left = Number(COUNT)
let wasOpen = false

client.on('gap', ({ channel, symbol, from, to }) => console.error('missed', channel, symbol, from, 'to', to))
client.on('rejected', ({ channel, symbol, code }) => console.error('refused', channel, symbol, code))
client.on('state', ({ state, code, reason, retryInMs }) => {
  if (state === 'open') wasOpen = true
  if (state !== 'waiting') console.error(state, code ?? '', reason ?? '')
  else {
    // Without a connection there is no code but 1006, which says nothing.
    const why =
      wasOpen || code !== 1006 ? `lost the connection: ${code ?? ''} ${reason ?? ''}` : `${ARA_URL} cannot be reached`
    console.error(`${why.trim()}; again in ${((retryInMs ?? 0) / 1000).toFixed(1)} s`)
    wasOpen = false
  }
  if (state === 'closed' && left > 0) process.exitCode = 1
})

for (const stream of streams.length > 0 ? streams : ['predictions/AAPL']) {
  const [channel, symbol] = /** @type {[import('../../client/dist/index.js').Channel, string?]} */ (stream.split('/'))
  client.subscribe({ channel, ...(symbol ? { symbol } : {}) }, ({ timestamp, data }) => {
    if (left <= 0) return
    console.log(timestamp, stream, JSON.stringify(data))
    left -= 1
    if (left === 0) client.close()
  })
}

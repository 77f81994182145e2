import Router from '@koa/router'
import Koa from 'koa'
import { readBody } from '../../src/http/middleware/read-body.ts'
import { listen } from '../../src/listener.ts'

/** The same Koa, router, bridge and body reader, but a route that only parses and answers: what acceptance is measured by. */
const app = new Koa()
const router = new Router()
const limit = 4 * 1024 * 1024
router.post('/api/v1/events', readBody({ limit, types: ['application/json'], optional: false }), (ctx) => {
  const { event_type } = JSON.parse(ctx.state['rawBody'].toString())
  ctx.status = 202
  ctx.body = { event_id: 'evt_01a20ba3-4a11-7283-b6ad-900a91521f14', event_type, timestamp: '', deliveries: 1 }
})
app.use(router.routes())
const onError = (error: unknown) => process.stderr.write(`${String(error)}\n`)
const { port } = await listen({ handle: app.callback(), host: '127.0.0.1', port: 0, exclusive: true, onError })
process.stdout.write(`port ${port}\n`)

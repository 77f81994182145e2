import { setTimeout } from 'node:timers/promises'
import type { Context } from 'koa'

/** What a handler can do to a response without Koa, a route each. */
export const RAW_ROUTES: Record<string, (ctx: Context) => unknown> = {
  '/split-reason': raw((ctx) => {
    ctx.res.statusMessage = 'OK\r\nInjected: yes'
    try {
      ctx.res.end('injected')
    } catch (error) {
      ctx.res.statusMessage = 'OK'
      ctx.res.end((error as { code: string }).code)
    }
  }),
  '/whole-too-short': raw((ctx) => ctx.res.writeHead(200, { 'Content-Length': 9 }).end('short')),
  '/write-and-end': raw(async (ctx) => {
    ctx.res.write('first,')
    await setTimeout(5)
    ctx.res.write(Buffer.from('second,'))
    ctx.res.end('last')
  }),
  '/write-hex': raw((ctx) => {
    ctx.res.write('6869', 'hex')
    ctx.res.end('IQ==', 'base64')
  }),
  '/write-head': raw((ctx) =>
    ctx.res.writeHead(201, 'Made', { 'X-One': '1', 'Content-Type': 'text/plain' }).end('raw'),
  ),
  '/write-head-list': raw((ctx) => ctx.res.writeHead(200, ['X-One', '1', 'X-Two', '2'] as never).end('raw')),
  '/write-head-twice': raw((ctx) => {
    ctx.res.writeHead(200)
    try {
      ctx.res.writeHead(500)
      ctx.res.end('twice')
    } catch (error) {
      ctx.res.end((error as { code: string }).code)
    }
  }),
  '/set-after-write-head': raw((ctx) => {
    ctx.res.writeHead(200)
    try {
      ctx.res.setHeader('X-Late', '1')
      ctx.res.end('set')
    } catch (error) {
      ctx.res.end((error as { code: string }).code)
    }
  }),
  '/status-out-of-range': raw((ctx) => {
    try {
      ctx.res.writeHead(9).end('sent')
    } catch (error) {
      ctx.res.end((error as { code: string }).code)
    }
  }),
  '/write-after-end': raw((ctx) => {
    ctx.res.on('error', () => undefined)
    ctx.res.end('all')
    ctx.res.write('more')
    ctx.res.end('and more')
  }),
  '/write-not-bytes': raw((ctx) => {
    try {
      ctx.res.write(5 as never)
      ctx.res.end('written')
    } catch (error) {
      ctx.res.end((error as { code: string }).code)
    }
  }),
  '/flush-then-end': raw(async (ctx) => {
    ctx.res.flushHeaders()
    await setTimeout(5)
    ctx.res.end('after flush')
  }),
  '/zero-length-flushed': raw((ctx) => {
    ctx.res.writeHead(200, { 'Content-Length': 0 })
    ctx.res.flushHeaders()
    ctx.res.end()
  }),
  '/many-writes': raw((ctx) => {
    for (let number = 0; number < 500; number += 1) ctx.res.write(`${number},`)
    ctx.res.end()
  }),
  '/write-continue': raw((ctx) => {
    ctx.res.writeContinue()
    ctx.res.end('continued')
  }),
  '/trailers': raw((ctx) => {
    ctx.res.setHeader('Trailer', 'X-Sum')
    ctx.res.write('body')
    ctx.res.addTrailers({ 'X-Sum': '1' })
    ctx.res.end()
  }),
  '/destroy': raw((ctx) => ctx.res.destroy()),
  '/destroy-socket': raw((ctx) => ctx.req.socket.destroy()),
  '/destroy-midway': raw((ctx) => {
    ctx.res.write('some')
    ctx.res.destroy()
  }),
  '/destroy-on-data': raw((ctx) => ctx.req.once('data', () => ctx.res.destroy())),
  '/answer-on-data': raw((ctx) => ctx.req.once('data', () => ctx.res.end('enough'))),
}

/** Answers without Koa's help. */
function raw(handle: (ctx: Context) => unknown): (ctx: Context) => unknown {
  return (ctx) => {
    ctx.respond = false
    return handle(ctx)
  }
}

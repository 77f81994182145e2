import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import type { Context } from 'koa'
import { RAW_ROUTES } from './raw-routes.ts'

/** What a Koa handler can do to a response, a route each. */
export const ROUTES: Record<string, (ctx: Context) => unknown> = {
  '/text': (ctx) => {
    ctx.body = 'text'
  },
  '/json': (ctx) => {
    ctx.body = { some: 'json' }
  },
  '/echo': echo,
  '/slow-echo': async (ctx) => {
    await setTimeout(60)
    return echo(ctx)
  },
  '/two-cookies': (ctx) => {
    ctx.append('Set-Cookie', 'a=1; Path=/')
    ctx.append('Set-Cookie', 'b=2; HttpOnly')
    ctx.body = 'cookies'
  },
  '/204': (ctx) => {
    ctx.status = 204
  },
  '/204-with-body': (ctx) => {
    ctx.respond = false
    ctx.res.writeHead(204)
    ctx.res.write('not to be sent')
    ctx.res.end('nor this')
  },
  '/205': (ctx) => {
    ctx.status = 205
  },
  '/304': (ctx) => {
    ctx.set('ETag', '"one"')
    ctx.body = 'fresh'
    if (ctx.fresh) ctx.status = 304
  },
  '/empty': (ctx) => {
    ctx.body = ''
  },
  '/status-only': (ctx) => {
    ctx.status = 418
  },
  '/reason': (ctx) => {
    ctx.status = 299
    ctx.message = 'Quite Fine'
    ctx.body = 'reason'
  },
  '/split-header': (ctx) => {
    ctx.set('X-Split', 'a\r\nInjected: yes')
  },
  '/latin1-header': (ctx) => {
    ctx.set('X-Name', 'caf\u00e9')
    ctx.body = 'header'
  },
  '/latin1-header-of-bytes': (ctx) => {
    ctx.set('X-Name', 'caf\u00e9')
    ctx.message = 'tr\u00e8s bien'
    ctx.body = Buffer.from('header')
  },
  '/redirect': (ctx) => ctx.redirect('/text?after=redirect'),
  '/error': () => {
    throw new Error('thrown')
  },
  '/error-with-status': (ctx) => ctx.throw(422, 'exposed'),
  '/buffer': (ctx) => {
    ctx.body = Buffer.from([0, 1, 2, 254, 255])
  },
  '/big': (ctx) => {
    ctx.body = Buffer.alloc(8_000_000, 'big body ')
  },
  '/stream': (ctx) => {
    ctx.body = Readable.from(['one,', 'two,', 'three'])
  },
  '/slow-stream': (ctx) => {
    ctx.body = Readable.from(slowly(['one,', 'two,', 'three']))
  },
  '/empty-stream': (ctx) => {
    ctx.body = Readable.from([])
  },
  '/sized-stream': (ctx) => {
    ctx.length = 13
    ctx.body = Readable.from(slowly(['one,', 'two,', 'three']))
    ctx.length = 13
  },
  '/sized-too-short': (ctx) => {
    ctx.body = Readable.from(slowly(['one,', 'two,', 'three']))
    ctx.length = 20
  },
  '/sized-too-long': (ctx) => {
    ctx.body = Readable.from(slowly(['one,', 'two,', 'three']))
    ctx.length = 9
  },
  '/big-stream': (ctx) => {
    ctx.body = Readable.from(Array.from({ length: 128 }, () => Buffer.alloc(65_536, 'streamed ')))
  },
  '/big-sized-stream': (ctx) => {
    ctx.body = Readable.from(Array.from({ length: 128 }, () => Buffer.alloc(65_536, 'streamed ')))
    ctx.length = 128 * 65_536
  },
  '/failing-stream': (ctx) => {
    ctx.body = Readable.from(failing())
  },
  '/closing': (ctx) => {
    ctx.set('Connection', 'close')
    ctx.body = 'the last answer'
  },
  '/early': (ctx) => {
    ctx.status = 413
    ctx.body = 'too large'
  },
  '/early-and-closing': (ctx) => {
    ctx.set('Connection', 'close')
    ctx.status = 413
    ctx.body = 'too large'
  },
  '/own-date': (ctx) => {
    ctx.set('Date', 'Thu, 01 Jan 1970 00:00:00 GMT')
    ctx.body = 'dated'
  },
  '/destroy-request': (ctx) => {
    ctx.req.destroy()
    ctx.body = 'still here'
  },
  '/never': () => new Promise(() => undefined),
  ...RAW_ROUTES,
}

async function echo(ctx: Context): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of ctx.req) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  ctx.body = {
    method: ctx.method,
    url: ctx.req.url,
    version: ctx.req.httpVersion,
    headers: ctx.req.headers,
    ip: ctx.req.socket.remoteAddress,
    length: body.length,
    sha256: createHash('sha256').update(body).digest('hex'),
  }
}

async function* slowly(parts: string[]): AsyncGenerator<string> {
  for (const part of parts) {
    await setTimeout(2)
    yield part
  }
}

async function* failing(): AsyncGenerator<string> {
  yield 'one,'
  await setTimeout(5)
  throw new Error('the source failed')
}

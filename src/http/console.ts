import type { Context, Middleware, Next } from 'koa'
import { ApiError, notFound } from '../errors.ts'
import { type ConsoleFile, readConsoleFiles } from './console-files.ts'

export const CONSOLE_PATH = '/console'

const ASSET = /^assets\//
/** A name in `assets/` holds a hash of what is in the file. */
const FOR_A_YEAR = 'public, max-age=31536000, immutable'

/**
 * The web console. Every path below it that is no file is a view of its one page, which the script shows. The files say nothing
 * that is secret: what a view shows it asks the API for, with the token of whoever signed in.
 */
export function createConsole(read: typeof readConsoleFiles = readConsoleFiles): Middleware {
  let files: ReturnType<typeof readConsoleFiles> | undefined
  /** For browsers; who wants JSON, or has no console, is told that nothing is there. */
  function toConsole(ctx: Context, next: Next): unknown {
    files ??= read()
    const isRead = ctx.method === 'GET' || ctx.method === 'HEAD'
    if (!isRead || !files || ctx.accepts('json', 'html') !== 'html') return next()
    ctx.state['route'] = '/'
    ctx.vary('Accept')
    ctx.redirect(CONSOLE_PATH)
    return undefined
  }

  return async function webConsole(ctx: Context, next: Next) {
    if (ctx.path === '/') return toConsole(ctx, next)
    if (ctx.path !== CONSOLE_PATH && !ctx.path.startsWith(`${CONSOLE_PATH}/`)) return next()
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return next()
    ctx.state['route'] = CONSOLE_PATH
    files ??= read()
    const page = files?.get('index.html')
    if (!files || !page) {
      throw new ApiError(404, 'console_not_built', 'The console was not built. Run: npm run build')
    }
    const name = ctx.path.slice(CONSOLE_PATH.length + 1)
    const file = files.get(name)
    if (!file && ASSET.test(name)) throw notFound('file')
    ctx.set(headersOf(ctx.host))
    send(ctx, file ?? page, ASSET.test(name) ? FOR_A_YEAR : 'no-cache')
  }
}

function send(ctx: Context, file: ConsoleFile, caching: string): void {
  ctx.set({ 'Cache-Control': caching, ETag: file.etag, Vary: 'Accept-Encoding' })
  ctx.status = 200
  ctx.type = file.type
  if (ctx.fresh) {
    ctx.status = 304
    ctx.body = null
    return
  }
  const gzips = ctx.acceptsEncodings('gzip', 'identity') === 'gzip'
  if (gzips) ctx.set('Content-Encoding', 'gzip')
  ctx.body = gzips ? file.gzipped : file.bytes
}

/** Nothing inline, nothing from elsewhere; only this server is spoken to. */
function headersOf(host: string): Record<string, string> {
  // Older browsers do not take `'self'` for the sockets of the same host.
  const sockets = /^[\w.:[\]-]+$/.test(host) ? ` ws://${host} wss://${host}` : ''
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self'${sockets}`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]
  return {
    'Content-Security-Policy': policy.join('; '),
    'X-Frame-Options': 'DENY',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=()',
  }
}

import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { KoaAdapter } from '@bull-board/koa'
import type { Queue } from 'bullmq'
import type { Context, Middleware, Next } from 'koa'
import type { Author } from '../audit/author.ts'
import { forbidden } from '../errors.ts'
import { may } from '../identity/principal.ts'
import { authorOf } from './author.ts'
import { type BoardLogin, createBoardLogin, type LoginDeps } from './board-login.ts'

export const BOARD_PATH = '/admin/queues'

/** Bull Board's page asks a public host for a font; nothing here talks to third parties, nor fills the console with it. */
const FOREIGN_FONT = /<link href="https:\/\/fonts\.googleapis\.com\/[^>]*>/

const CONTENT_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'self'",
  "form-action 'self'",
].join('; ')

/** Bull Board for admins. A browser logs in once with a token, programs send it with each request. */
export function createBoard(
  deps: LoginDeps & {
    /** Replaced when a broken queue is built anew. */
    queues: () => Queue[]
    readOnly: boolean
    /** Kept in the audit log before it is carried out; without that it is not carried out. */
    record: (author: Author, request: string) => Promise<void>
  },
): Middleware {
  const adapter = new KoaAdapter()
  adapter.setBasePath(BOARD_PATH)
  const wrap = (queue: Queue) => new BullMQAdapter(queue, { readOnlyMode: deps.readOnly })
  let shown = deps.queues()
  const board = createBullBoard({
    queues: shown.map(wrap),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'ara-events', hideRedisDetails: true } },
  })
  const pages = adapter.registerPlugin()
  const login = createBoardLogin(deps, BOARD_PATH)

  return async function queueBoard(ctx: Context, next: Next) {
    if (ctx.path !== BOARD_PATH && !ctx.path.startsWith(`${BOARD_PATH}/`)) return next()
    ctx.state['route'] = BOARD_PATH
    ctx.set('Content-Security-Policy', CONTENT_POLICY)
    // With the `no-referrer` of the API a browser sends `Origin: null` with our own forms.
    ctx.set('Referrer-Policy', 'same-origin')
    refuseOtherOrigins(ctx)
    if (await login.answer(ctx)) return
    if (!(await admitAdmin(ctx, login))) return
    const changes = !deps.readOnly && ctx.method !== 'GET' && ctx.method !== 'HEAD'
    if (changes) await deps.record(authorOf(ctx, ctx.state['principal']), requestOf(ctx))
    const current = deps.queues()
    if (current.some((queue, place) => queue !== shown[place])) {
      shown = current
      board.replaceQueues(shown.map(wrap))
    }
    await pages(ctx, next)
    if (typeof ctx.body === 'string') ctx.body = ctx.body.replace(FOREIGN_FONT, '')
  }
}

/** Whoever logged in is an admin, yet bodies and queries may be long. */
function requestOf({ method, path }: Context): string {
  return `${method} ${path.slice(BOARD_PATH.length)}`.slice(0, 300)
}

/** A page elsewhere can make an admin's browser send a form, but not hide where it came from. */
function refuseOtherOrigins(ctx: Context): void {
  if (ctx.method === 'GET' || ctx.method === 'HEAD') return
  const origin = ctx.get('Origin')
  const isOwn = URL.canParse(origin) && new URL(origin).host === ctx.host
  const noBrowser = origin === '' && ctx.get('Sec-Fetch-Site') === '' && ctx.get('Authorization') !== ''
  if (!isOwn && !noBrowser) throw forbidden('This was not sent by the board itself.')
}

/** @returns false when the browser was sent to the login */
async function admitAdmin(ctx: Context, login: BoardLogin): Promise<boolean> {
  const principal = await login.identify(ctx)
  if (principal === null) {
    const wantsPage = ctx.method === 'GET' && ctx.accepts('json', 'html') === 'html'
    if (!wantsPage) login.refuse()
    ctx.redirect(`${BOARD_PATH}/login`)
    return false
  }
  if (!may(principal, 'board:open')) throw forbidden('The queue board is for admins.')
  ctx.state['principal'] = principal
  return true
}

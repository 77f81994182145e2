import { createHash } from 'node:crypto'
import type { Context } from 'koa'
import { openApiDocument } from '../../openapi/document.ts'
import { REFERENCE_POLICY, referencePage } from '../../openapi/reference-page.ts'
import { asyncApiDocument } from '../../sockets/asyncapi.ts'
import { type Route, route } from '../route.ts'

export interface DocumentDeps {
  version: string
  /** All routes of this server, these among them. */
  routes: () => readonly Route[]
}

/** What machines and people read about this server. Each is made once, when it is first asked for. */
export function documentRoutes(deps: DocumentDeps): Route[] {
  const openApi = once(() => JSON.stringify(openApiDocument(deps.routes(), deps.version)))
  const asyncApi = once(() => JSON.stringify(asyncApiDocument(deps.version)))
  const page = once(() => referencePage(JSON.parse(openApi().text), JSON.parse(asyncApi().text)))
  return [
    route({
      method: 'get',
      path: '/openapi.json',
      summary: 'The REST interface, as OpenAPI 3.1.',
      permission: 'public',
      handle: async ({ ctx }) => serve(ctx, 'application/json', openApi()),
    }),
    route({
      method: 'get',
      path: '/asyncapi.json',
      summary: 'The streams and their messages, as AsyncAPI 3.',
      permission: 'public',
      handle: async ({ ctx }) => serve(ctx, 'application/json', asyncApi()),
    }),
    route({
      method: 'get',
      path: '/docs',
      summary: 'Both as a page to read.',
      permission: 'public',
      async handle({ ctx }) {
        ctx.set('Content-Security-Policy', REFERENCE_POLICY)
        return serve(ctx, 'text/html', page())
      },
    }),
  ]
}

interface Text {
  text: string
  etag: string
}

function once(make: () => string): () => Text {
  let made: Text | undefined
  return () => {
    made ??= withTag(make())
    return made
  }
}

function withTag(text: string): Text {
  return { text, etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"` }
}

function serve(ctx: Context, type: string, { text, etag }: Text): unknown {
  ctx.set({ ETag: etag, 'Cache-Control': 'no-cache' })
  if (ctx.get('If-None-Match') === etag) {
    ctx.status = 304
    return null
  }
  ctx.type = type
  return text
}

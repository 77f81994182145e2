import { asyncApiDocument } from '../../sockets/asyncapi.ts'
import { type Route, route } from '../route.ts'

/** What machines read about this server. */
export function documentRoutes(deps: { version: string }): Route[] {
  return [
    route({
      method: 'get',
      path: '/asyncapi.json',
      summary: 'The streams and their messages, as AsyncAPI 3.',
      permission: 'public',
      handle: async () => asyncApiDocument(deps.version),
    }),
  ]
}

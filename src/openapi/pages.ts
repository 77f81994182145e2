import { BOARD_PATH } from '../http/board.ts'
import { CONSOLE_PATH } from '../http/console.ts'
import { errorAnswers } from './error-answers.ts'
import type { ErrorCode } from './errors.ts'
import { type HeaderName, headerReferences } from './headers.ts'
import { camelCase, type Json } from './schema-of.ts'

/*
 * The pages for people. They are answered beside the routes, each below a prefix of its own, so they are described here and not in a
 * definition.
 */

/** What the board's own form is refused with; a token that is not good comes back with the form. */
const FORM_ERRORS: ErrorCode[] = [
  'empty_body',
  'malformed_text',
  'aborted',
  'payload_too_large',
  'unsupported_media_type',
]

export function pagePaths(): Record<string, Json> {
  return {
    [CONSOLE_PATH]: {
      get: describe('get', CONSOLE_PATH, {
        summary: 'The web console. Every path below it that is no file of it answers the same page.',
        responses: {
          200: html('The page.', ['ETag']),
          304: bare('As the caller has it already; no body.', ['ETag']),
          ...refusals(['console_not_built', 'internal_error']),
        },
      }),
    },
    [BOARD_PATH]: {
      get: describe('get', BOARD_PATH, {
        summary: 'The queues, as a page of Bull Board; its views and what they ask for are below this path.',
        security: [{ token: [] }, { board: [] }],
        'x-permission': 'board:open',
        responses: {
          200: html('The page.'),
          302: redirect('To the login, when a browser asks and nobody is logged in.'),
          ...refusals(['unauthorized', 'forbidden', 'rate_limited', 'unavailable', 'internal_error']),
        },
      }),
    },
    [`${BOARD_PATH}/login`]: {
      get: describe('get', `${BOARD_PATH}/login`, {
        summary: 'The form that asks for a token.',
        responses: { 200: html('The form.') },
      }),
      post: describe('post', `${BOARD_PATH}/login`, {
        summary: 'Keep an admin’s token or API key as the cookie of the board. Only the form itself may send this.',
        requestBody: { required: true, content: { 'application/x-www-form-urlencoded': FORM } },
        responses: logInAnswers(),
      }),
    },
    [`${BOARD_PATH}/logout`]: {
      post: describe('post', `${BOARD_PATH}/logout`, {
        summary: 'End the cookie of the board. Only the board itself may send this.',
        responses: {
          303: redirect('To the login; the cookie has ended.', ['Set-Cookie']),
          ...refusals(['forbidden']),
        },
      }),
    },
  }
}

const FORM = {
  schema: { type: 'object', properties: { token: { type: 'string' } }, required: ['token'] },
  example: { token: 'ara_2063e…' },
}

function logInAnswers(): Json {
  const refused = refusals([...FORM_ERRORS, 'forbidden', 'unavailable', 'internal_error'])
  const { content } = refused[403] as { content: Json }
  const form = html('The form, which says why the token is not taken.').content
  return {
    303: redirect('To the board, with its cookie.', ['Set-Cookie']),
    ...refused,
    401: html('The form, which says why the token is not taken.', ['WWW-Authenticate']),
    403: {
      ...(refused[403] as Json),
      description: 'The form, when the token is not an admin’s; `forbidden` when another page sent this.',
      content: { ...form, ...content },
    },
    429: html('The form, which says that too many tokens were not good.', ['Retry-After']),
  }
}

function describe(method: string, path: string, operation: Json): Json {
  return {
    operationId: camelCase([method, ...path.split('/').filter((word) => word !== '')]),
    tags: ['Operation'],
    security: [],
    parameters: [],
    ...operation,
  }
}

function html(description: string, more: readonly HeaderName[] = []) {
  return { ...bare(description, more), content: { 'text/html': { schema: { type: 'string' } } } }
}

/** Koa says where to in a sentence, for whoever does not go. */
function redirect(description: string, more: readonly HeaderName[] = []) {
  const sentence = { schema: { type: 'string' } }
  return { ...bare(description, ['Location', ...more]), content: { 'text/html': sentence, 'text/plain': sentence } }
}

function bare(description: string, more: readonly HeaderName[]) {
  return { description, headers: headerReferences(['X-Request-Id', ...more]) }
}

function refusals(codes: readonly ErrorCode[]): Json {
  return errorAnswers(codes, (more) => headerReferences(['X-Request-Id', ...more]))
}

import { CLOSE, type Refusal } from './close-codes.ts'

/** The one subprotocol there is: it says nothing about the frames and only carries a token. */
const BEARER = 'bearer'

export interface Offered {
  /** What to answer: nothing but the name, and that also to one who is refused, since a browser hangs up without it. */
  protocol: typeof BEARER | ''
  token: string | Refusal | undefined
}

/**
 * The token in `Sec-WebSocket-Protocol: bearer, <token>`, which browsers can send and nobody logs. Other subprotocols are not
 * known and not answered.
 */
export function readOfferedToken(header: string): Offered {
  const offered = header.split(',').map((one) => one.trim())
  if (!offered.includes(BEARER)) return { protocol: '', token: undefined }
  const [first, token, ...others] = offered
  if (first === BEARER && token !== undefined && others.length === 0) return { protocol: BEARER, token }
  return { protocol: BEARER, token: { code: CLOSE.badRequest, reason: 'the subprotocol must be: bearer, <token>' } }
}

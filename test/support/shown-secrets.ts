import assert from 'node:assert/strict'
import { type RawReceiver, startRawReceiver } from './work-raw-receiver.ts'

/** Shown by callers and owners in what they send. */
export const SENT = {
  webhookSecret: 'MARKED-webhook-secret',
  header: 'MARKED-header-of-the-receiver',
  badToken: 'MARKED-bad-token',
  badKey: 'MARKED-bad-key',
  payload: 'MARKED-payload',
}

/** Shows what it was asked, and fails first. */
export function startShowingReceiver(): Promise<RawReceiver> {
  return startRawReceiver((socket, request, count) => {
    const [head = ''] = request.split('\r\n\r\n')
    const status = count % 2 === 1 ? 500 : 200
    socket.write(`HTTP/1.1 ${status} Shown\r\nX-Shown: ${SENT.header}\r\nContent-Length: ${head.length}\r\n\r\n${head}`)
  })
}

/** As they are, and as tables and logs may spell them. */
export function assertNowhere(secrets: Record<string, string>, places: readonly [where: string, text: string][]): void {
  const found = Object.entries(secrets).flatMap(([name, secret]) => {
    const bytes = Buffer.from(secret)
    const spellings = [
      secret,
      encodeURIComponent(secret),
      bytes.toString('hex'),
      bytes.toString('base64').replace(/=+$/, ''),
    ]
    return places.flatMap(([where, text]) => {
      const at = spellings.map((spelling) => text.indexOf(spelling)).find((index) => index >= 0)
      return at === undefined ? [] : [`${name} in ${where}: …${text.slice(Math.max(0, at - 200), at + 60)}…`]
    })
  })
  assert.deepEqual(found, [])
}

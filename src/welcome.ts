import type { Config } from './config.ts'
import { exposure, isLoopback } from './exposure.ts'
import { BOARD_PATH } from './http/board.ts'
import { CONSOLE_PATH } from './http/console.ts'

const DAY_SECONDS = 86_400

/** What `npm start` prints once everything runs: enough to try it without reading on. */
export function welcome(started: {
  config: Config
  port: number
  tokenFor: (sub: string, role: 'admin' | 'user', seconds: number) => string | null
  /** Of a link that signs in once. */
  signInCode: string | null
  demo: boolean
}): string {
  const { config, port, tokenFor, signInCode } = started
  const isEverywhere = config.server.host === '0.0.0.0' || config.server.host === '::'
  const host = isEverywhere || isLoopback(config.server.host) ? 'localhost' : config.server.host
  const base = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  const warning = exposure(config)
  const stream = `${base.replace('http', 'ws')}/ws/predictions/AAPL`
  const admin = tokenFor('admin', 'admin', DAY_SECONDS)
  const user = tokenFor('alice', 'user', DAY_SECONDS)
  const lines = [
    `ara-events ${config.version} runs at ${base}`,
    '',
    ...(warning === null ? [] : [`WARNING: ${warning}.`, 'Leave HOST out, or for a deployment set DATABASE_URL.', '']),
    ...(signInCode === null
      ? ['Open the console and sign in with a token:', `  ${base}${CONSOLE_PATH}`]
      : ['Open the console (this link signs you in once):', `  ${base}${CONSOLE_PATH}#sign-in=${signInCode}`]),
    '',
    ...(admin === null
      ? ['Tokens are made by whoever holds the private key of JWT_PUBLIC_KEY.']
      : ['Admin token, good for a day:', `  ${admin}`, '', 'User token (alice), good for a day:', `  ${user}`]),
    '',
    'Create a webhook (npm run receiver starts a server that answers it):',
    `  curl -X POST ${base}/api/v1/webhooks \\`,
    `    -H "Authorization: Bearer ${user ?? 'YOUR_TOKEN'}" -H "Content-Type: application/json" \\`,
    `    -d '{"url": "http://127.0.0.1:3000/webhook", "events": ["*"], "secret": "your-secret-key-min-16-chars"}'`,
    '',
    'Watch a stream (any WebSocket client):',
    `  ${stream}${config.streams.anonymous.includes('predictions') ? '' : `?token=${user ?? 'YOUR_TOKEN'}`}`,
    '',
    'Look at the queue (log in with the admin token):',
    `  ${base}${BOARD_PATH}`,
    '',
    `${started.demo ? 'The demo feed replays real prices (DEMO_FEED=false turns it off). ' : ''}Ctrl-C stops everything; the data stays.`,
  ]
  return `${lines.join('\n')}\n`
}

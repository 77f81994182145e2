import { parseArgs } from 'node:util'
import { PLAIN } from '../complaints.ts'
import { complain, print } from '../print.ts'
import { untilAskedToEnd } from '../signals.ts'
import { checkSecret } from '../webhooks/signature.ts'
import { type Arrival, Behaviour, complaints, MODES, parseJson, startReceiver } from './receiver-server.ts'

const HELP = `A webhook receiver to try things with: verifies both signatures and prints what arrives. Ctrl-C ends it.

  npm run receiver -- [--port 3000] [--secret your-secret-key-min-16-chars]
  npm run receiver -- --mode busy --retry-after 10 --times 2

  --port           default 3000; 0 for any that is free
  --host           default 127.0.0.1
  --secret         the webhook's secret; default the quick start's
  --mode           ${MODES.join(' | ')} (default ok)
                   fail: --status; stall: 200 after --stall-seconds; busy: 429 with Retry-After; gone: 410
  --status         300 to 599, default 500
  --stall-seconds  default 30
  --retry-after    seconds, default 10
  --times          misbehave so often, then be ok; without it until told otherwise

While it runs:

  curl http://127.0.0.1:3000/received     the last 100, newest first
  curl http://127.0.0.1:3000/behaviour
  curl -X PUT http://127.0.0.1:3000/behaviour -d '{"mode": "busy", "retry_after": 10, "times": 2}'

A POST to any path is a webhook. A wrong signature is answered with 401, whatever the mode.
`

const SHOWN_CHARACTERS = 500

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      port: { ...text, default: '3000' },
      host: { ...text, default: '127.0.0.1' },
      secret: { ...text, default: 'your-secret-key-min-16-chars' },
      mode: { ...text, default: 'ok' },
      status: text,
      'stall-seconds': text,
      'retry-after': text,
      times: text,
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    print(HELP)
    return
  }
  const { port: portText, host, secret, help: _, mode, ...numbers } = values
  const port = Number(portText)
  if (!/^\d{1,5}$/.test(portText) || port > 65_535) throw new Error('--port must be a whole number from 0 to 65535')
  const fault = checkSecret(secret)
  if (fault !== null) throw new Error(`--secret ${fault}`)
  const entries = Object.entries(numbers).map(([flag, value]) => [flag.replace('-', '_'), toNumber(value)])
  const behaviour = Behaviour.safeParse({ mode, ...Object.fromEntries(entries) }, PLAIN)
  if (!behaviour.success) {
    throw new Error(
      complaints(behaviour.error)
        .map((one) => `--${one.replace('_', '-')}`)
        .join('\n'),
    )
  }
  const onArrival = (arrival: Arrival) => print(describe(arrival))
  const receiver = await startReceiver({ host, port, secret, print: onArrival, behaviour: behaviour.data }).catch(
    (error) => {
      throw error.code === 'EADDRINUSE' ? new Error(`Port ${port} is taken. Choose another with --port.`) : error
    },
  )
  print(`Waiting for webhooks on http://${host}:${receiver.port}/webhook (mode ${mode}). Ctrl-C ends it.\n`)
  await untilAskedToEnd()
  await receiver.close()
}

function describe(arrival: Arrival): string {
  const { delivery_id, attempt, signatures, answer, mode } = arrival
  const payload = parseJson(arrival.body)
  const data = payload instanceof Object && 'data' in payload ? JSON.stringify(payload.data) : arrival.body
  const facts = [
    new Date(arrival.at).toTimeString().slice(0, 8),
    arrival.event_type || 'no event type',
    delivery_id || 'no delivery id',
    `attempt ${attempt || 'unknown'}`,
    ...(arrival.test ? ['test'] : []),
    ...(arrival.again ? ['again'] : []),
    `${arrival.verified ? 'verified' : 'NOT verified'}: ${signatures.join(', ')}`,
    `${answer}${mode === 'ok' || mode === 'refused' ? '' : ` (${mode})`}`,
  ]
  return `${printable(facts.join(' | '))}\n  ${printable(data)}\n`
}

/** What came from a stranger must not steer the terminal. */
function printable(text: string): string {
  const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
  return shown.replaceAll(/\p{Cc}/gu, '?')
}

/** `Number` takes an empty text for 0. */
function toNumber(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text)
}

main().catch((error: Error) => {
  complain(`${error.message}\nTry --help.\n`)
  process.exitCode = 1
})

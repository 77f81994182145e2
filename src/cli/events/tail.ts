import type { Channel, StreamMessage } from '../../../client/src/server-frames.ts'
import { LONGEST_SYMBOL, type StreamWish } from '../../../client/src/stream-wish.ts'
import { CHANNELS } from '../../environment.ts'
import type { Call, Command } from '../command.ts'
import { UsageError } from '../failures.ts'
import { Server } from '../server.ts'
import { openStreams, untilStopped } from '../streams.ts'
import { clean, type Terminal } from '../terminal.ts'

const CONFLATION = ['100', '250', '500', '1000', '5000'] as const

export const tailEvents: Command = {
  name: 'events tail',
  about: 'Print what streams carry, as it comes, until Ctrl-C.',
  args: '[<stream>…]',
  callsServer: true,
  options: {
    count: { kind: 'text', value: 'n', about: 'end after so many messages' },
    'conflate-ms': { kind: 'text', value: 'ms', about: `prices at most once in ${CONFLATION.join(', ')} ms` },
    snapshot: { kind: 'flag', about: 'the newest message of each stream first' },
  },
  details: `
A stream is predictions/AAPL, market-data/^GSPC, market-data/* or alerts (the default). A lost connection is replaced by itself
and each stream goes on after the message it had last; what cannot be had is told on standard error. With --json each line is
one message. Where streams are anonymous, as in the embedded mode, no token is needed.`,
  async run(call) {
    const wishes = (call.args.length === 0 ? ['alerts'] : call.args).map((text) => wishOf(text, call))
    let left = call.options.number('count', 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY
    const client = openStreams(new Server(call), call.out)
    client.on('gap', ({ channel, symbol, from, to }) =>
      call.out.note(`Missed of ${nameOf(channel, symbol)}: ${from} to ${to ?? 'an unknown number'}.`),
    )
    client.on('message', (message) => {
      if (left <= 0) return
      left -= 1
      call.out.row(message, () => show(message, call.out))
      if (left === 0) client.close()
    })
    for (const wish of wishes) client.subscribe(wish)
    await untilStopped(client, call.signal)
  },
}

function wishOf(text: string, { options }: Call): StreamWish {
  const [name = '', symbol, ...more] = text.split('/')
  const channel = CHANNELS.find((one) => one === name)
  const isComplete = channel !== undefined && more.length === 0 && (channel === 'alerts') === (symbol === undefined)
  if (!isComplete || (symbol ?? '').length > LONGEST_SYMBOL) {
    throw new UsageError(`"${text}" is no stream: predictions/<symbol>, market-data/<symbol> or alerts.`)
  }
  const conflate = options.oneOf('conflate-ms', CONFLATION)
  return {
    channel: channel as Channel,
    ...(symbol === undefined ? {} : { symbol }),
    ...(options.flag('snapshot') ? { snapshot: true } : {}),
    ...(conflate === undefined || channel !== 'market-data' ? {} : { conflateMs: Number(conflate) as 100 }),
  }
}

function show(message: StreamMessage, out: Terminal): string {
  const symbol = message.type === 'alert' ? '' : ` ${message.symbol}`
  const marks = [message.snapshot && 'snapshot', message.late && 'late'].filter(Boolean).join(' ')
  const head = out.paint('dim', message.timestamp)
  return `${head} ${clean(`${message.type}${symbol}${marks ? ` (${marks})` : ''} ${JSON.stringify(message.data)}`)}`
}

function nameOf(channel: string, symbol: string | null): string {
  return symbol === null ? channel : `${channel}/${symbol}`
}

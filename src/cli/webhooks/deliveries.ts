import type { DeliveryStatus } from '../../deliveries/delivery-log.ts'
import type { Command } from '../command.ts'
import { readPages } from '../pages.ts'
import { Server } from '../server.ts'
import { fields, table } from '../terminal.ts'
import { type Delivery, type DeliveryWithAttempts, pathOf, showDelivery } from './answers.ts'

const STATUSES = [
  ...(['pending', 'delivering', 'retrying', 'success', 'failed', 'canceled'] as const),
] satisfies readonly DeliveryStatus[]

export const listDeliveries: Command = {
  name: 'webhooks deliveries',
  about: 'List the deliveries of a webhook, newest first, or show one with every attempt.',
  args: '<webhook> [<delivery>]',
  callsServer: true,
  options: {
    status: { kind: 'text', value: 'status', about: STATUSES.join(', ') },
    type: { kind: 'text', value: 'type', about: 'only of this event type' },
    since: { kind: 'text', value: 'time', about: 'from then on: 2026-11-23T12:00:00Z, or 10m, 2h, 7d ago' },
    until: { kind: 'text', value: 'time', about: 'up to then' },
    limit: { kind: 'text', value: 'n', about: 'how many at most (default 20)' },
  },
  async run(call) {
    const { args, options, out } = call
    const [webhook = '', delivery] = args
    const query = {
      status: options.oneOf('status', STATUSES),
      event_type: options.text('type'),
      since: options.time('since'),
      until: options.time('until'),
    }
    const most = options.number('limit', 1, 100_000) ?? 20
    const server = new Server(call).withToken()
    const path = pathOf(webhook, '/deliveries')
    if (delivery !== undefined) {
      const found = await server.call<DeliveryWithAttempts>('GET', `${path}/${encodeURIComponent(delivery)}`)
      return out.answer(found, showAttempts)
    }
    const { rows, next_cursor } = await readPages<Delivery>(server, path, { name: 'deliveries', most, query })
    out.answer({ deliveries: rows, next_cursor }, () => showList(rows))
  },
}

function showList(deliveries: readonly Delivery[]): string {
  const names = ['id', 'created', 'event', 'status', 'attempt', 'answer', 'error', 'next retry']
  return table(
    names,
    deliveries.map((one) => [
      ...[one.id, one.created_at, `${one.event_type}${one.test ? ' (test)' : ''}`, one.status],
      ...[`${one.attempt}/${one.max_attempts}`, one.response_code, one.error, one.next_retry_at],
    ]),
  )
}

function showAttempts(delivery: DeliveryWithAttempts): string {
  const attempts = delivery.attempts.map((one) => {
    const { request, response } = one
    const took = one.duration_ms === null ? '' : `, ${one.duration_ms} ms`
    return `\nattempt ${one.attempt}: ${one.status}${took}, ${one.started_at}\n${fields([
      ['request', `${request.method} ${request.url}`],
      ...Object.entries(request.headers ?? {}).map(([name, value]) => [`  ${name}`, value] as const),
      ['  body', request.body],
      ['answer', response?.status ?? one.error_message],
      ...(response?.body ? [['  body', response.body] as const] : []),
    ])}`
  })
  return [showDelivery(delivery), ...attempts].join('\n')
}

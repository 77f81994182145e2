import type { Command } from '../command.ts'
import { readPages } from '../pages.ts'
import { Server } from '../server.ts'
import { table } from '../terminal.ts'
import { stateOf, WEBHOOKS, type Webhook } from './answers.ts'

export const listWebhooks: Command = {
  name: 'webhooks list',
  about: 'List your webhooks, newest first.',
  callsServer: true,
  options: {
    active: { kind: 'flag', about: 'only those that are on' },
    user: { kind: 'text', value: 'user', about: 'those of another user; for admins' },
    limit: { kind: 'text', value: 'n', about: 'how many at most (default 100)' },
  },
  async run(call) {
    const { options, out } = call
    const query = { active_only: options.flag('active') || undefined, user_id: options.text('user') }
    const most = options.number('limit', 1, 100_000) ?? 100
    const server = new Server(call).withToken()
    const { rows, next_cursor } = await readPages<Webhook>(server, WEBHOOKS, { name: 'webhooks', most, query })
    out.answer({ webhooks: rows, next_cursor }, () => show(rows))
  },
}

function show(webhooks: readonly Webhook[]): string {
  if (webhooks.length === 0) return 'There are none yet: ara-events webhooks create <url> --events …'
  const names = ['id', 'url', 'events', 'state', 'delivered', 'given up', 'last']
  return table(
    names,
    webhooks.map((one) => [
      ...[one.id, one.url, one.events, stateOf(one)],
      ...[one.success_count, one.failure_count, one.last_delivery_status],
    ]),
  )
}

import type { Command } from '../command.ts'
import { UsageError } from '../failures.ts'
import { Server } from '../server.ts'
import { pathOf, showWebhook, type Webhook } from './answers.ts'
import { FIELD_OPTIONS, readFields } from './webhook-fields.ts'

export const updateWebhook: Command = {
  name: 'webhooks update',
  about: 'Change a webhook, or turn it on or off.',
  args: '<webhook>',
  callsServer: true,
  options: {
    to: { kind: 'text', value: 'url', about: 'where it is sent to' },
    ...FIELD_OPTIONS,
    'no-symbols': { kind: 'flag', about: 'events of every symbol, and those without one' },
    'no-headers': { kind: 'flag', about: 'none of your own headers' },
    on: { kind: 'flag', about: 'send to it again' },
    off: { kind: 'flag', about: 'send nothing more; what is open is canceled' },
  },
  details: 'What is not named stays as it is. --header replaces all of its headers.',
  async run(call) {
    const { args, options, out } = call
    if (options.flag('on') && options.flag('off')) throw new UsageError('--on and --off exclude each other.')
    const to = options.text('to')
    const body = {
      ...readFields(options),
      ...(to === undefined ? {} : { url: to }),
      ...(options.flag('no-symbols') ? { symbols: null } : {}),
      ...(options.flag('no-headers') ? { headers: null } : {}),
      ...(options.flag('on') || options.flag('off') ? { active: options.flag('on') } : {}),
    }
    if (Object.keys(body).length === 0) throw new UsageError('There is nothing to change.')
    const webhook = await new Server(call).withToken().call<Webhook>('PATCH', pathOf(args[0] ?? ''), { body })
    out.answer(webhook, showWebhook)
    if (webhook.recovery) out.note(recoveryHint(webhook.id, webhook.recovery.since))
  },
}

function recoveryHint(id: string, since: string): string {
  return `What it missed while it was off: ara-events webhooks recover ${id} --status missing --since ${since}`
}

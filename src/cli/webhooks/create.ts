import type { Command } from '../command.ts'
import { Server } from '../server.ts'
import { showWebhook, WEBHOOKS, type Webhook } from './answers.ts'
import { FIELD_OPTIONS, readFields } from './webhook-fields.ts'

export const createWebhook: Command = {
  name: 'webhooks create',
  about: 'Create a webhook; a secret that is made for it is shown this once.',
  args: '<url>',
  callsServer: true,
  options: {
    ...FIELD_OPTIONS,
    secret: { kind: 'text', value: 'secret', about: '16 to 128 characters; without it one is made' },
    off: { kind: 'flag', about: 'do not send to it yet' },
  },
  details: 'Without --events it gets events of every type.',
  async run(call) {
    const { args, options, out } = call
    const secret = options.text('secret')
    const body = {
      ...{ url: args[0], events: ['*'] },
      ...readFields(options),
      ...(secret === undefined ? {} : { secret }),
      ...(options.flag('off') ? { active: false } : {}),
    }
    const webhook = await new Server(call).withToken().call<Webhook>('POST', WEBHOOKS, { body })
    out.answer(webhook, showWebhook)
  },
}

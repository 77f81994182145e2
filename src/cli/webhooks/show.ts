import type { Command } from '../command.ts'
import { Server } from '../server.ts'
import { pathOf, showWebhook, type Webhook } from './answers.ts'

export const showOneWebhook: Command = {
  name: 'webhooks show',
  about: 'Show one webhook.',
  args: '<webhook>',
  callsServer: true,
  async run(call) {
    const webhook = await new Server(call).withToken().call<Webhook>('GET', pathOf(call.args[0] ?? ''))
    call.out.answer(webhook, showWebhook)
  },
}

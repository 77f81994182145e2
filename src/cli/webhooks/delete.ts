import type { Command } from '../command.ts'
import { Server } from '../server.ts'
import { pathOf } from './answers.ts'

export const deleteWebhook: Command = {
  name: 'webhooks delete',
  about: 'Delete a webhook and cancel its open deliveries, at once.',
  args: '<webhook>',
  callsServer: true,
  async run(call) {
    const [id = ''] = call.args
    await new Server(call).withToken().call('DELETE', pathOf(id))
    call.out.answer({ id, deleted: true }, () => `${id} is deleted.`)
  },
}

import type { Command } from '../command.ts'
import { CommandFailed } from '../failures.ts'
import { Server } from '../server.ts'
import { type Delivery, showDelivery, WEBHOOKS } from './answers.ts'

export const testWebhook: Command = {
  name: 'webhooks test',
  about: 'Send the example of an event type to one webhook, and tell what really happened.',
  args: '<webhook>',
  callsServer: true,
  options: { type: { kind: 'text', value: 'type', about: 'event type (default the first it subscribes to)' } },
  details: 'It takes the real way: queue, signature, request. The exit code is 1 unless it was delivered.',
  async run(call) {
    const type = call.options.text('type')
    const answer = await new Server(call)
      .withToken()
      .call<{ message: string; delivery: Delivery }>('POST', `${WEBHOOKS}/test`, {
        query: { webhook_id: call.args[0] },
        ...(type === undefined ? {} : { body: { event_type: type } }),
      })
    call.out.answer(answer, ({ delivery }) => showDelivery(delivery))
    if (answer.delivery.status !== 'success') throw new CommandFailed(answer.message)
    call.out.note(answer.message)
  },
}

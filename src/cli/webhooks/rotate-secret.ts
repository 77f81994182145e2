import type { Command } from '../command.ts'
import { UsageError } from '../failures.ts'
import { Server } from '../server.ts'
import { pathOf, showWebhook, type Webhook } from './answers.ts'

const LONGEST_OVERLAP = 604_800

export const rotateSecret: Command = {
  name: 'webhooks rotate-secret',
  about: 'Give a webhook a new secret, which is shown this once.',
  args: '<webhook>',
  callsServer: true,
  options: {
    secret: { kind: 'text', value: 'secret', about: '16 to 128 characters; without it one is made' },
    overlap: { kind: 'text', value: 'seconds', about: 'how long the old one signs too (default 86400); 0: not at all' },
    finish: { kind: 'flag', about: 'end the overlap of the last rotation now' },
  },
  details: `
During the overlap webhook-signature carries both signatures, and X-Webhook-Signature, which can carry one, still that of the old
secret. Bring the new secret to the receiver, then let --finish end it. A secret that is out is replaced with --overlap 0.`,
  async run(call) {
    const { args, options, out } = call
    const [secret, overlap] = [options.text('secret'), options.number('overlap', 0, LONGEST_OVERLAP)]
    const finish = options.flag('finish')
    if (finish && (secret !== undefined || overlap !== undefined)) {
      throw new UsageError('--finish stands alone: it begins no rotation.')
    }
    const body = {
      ...(secret === undefined ? {} : { secret }),
      ...(overlap === undefined ? {} : { overlap_seconds: overlap }),
    }
    const path = pathOf(args[0] ?? '', finish ? '/rotate-secret/finish' : '/rotate-secret')
    const webhook = await new Server(call).withToken().call<Webhook>('POST', path, { body })
    out.answer(webhook, showWebhook)
  },
}

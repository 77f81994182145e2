import { setTimeout } from 'node:timers/promises'
import type { Command } from '../command.ts'
import { CommandFailed } from '../failures.ts'
import { Server } from '../server.ts'
import { type Delivery, pathOf, showDelivery } from './answers.ts'

const LOOK_AGAIN_MS = 500

export const retryDelivery: Command = {
  name: 'webhooks retry',
  about: 'Make one more attempt of a delivery, at once, and tell how it ended.',
  args: '<webhook> <delivery>',
  callsServer: true,
  options: { 'no-wait': { kind: 'flag', about: 'do not wait for its end' } },
  details: 'The exit code is 1 unless it was delivered. Ctrl-C ends the waiting, not the attempt.',
  async run(call) {
    const [webhook = '', delivery = ''] = call.args
    const path = pathOf(webhook, `/deliveries/${encodeURIComponent(delivery)}`)
    const server = new Server(call).withToken()
    const before = await server.call<Delivery>('GET', path)
    let found = await server.call<Delivery>('POST', `${path}/retry`)
    if (call.options.flag('no-wait')) return call.out.answer(found, showDelivery)
    while (isUnderWay(found, before)) {
      call.out.progress(`${found.status}, attempt ${found.attempt}`)
      await setTimeout(LOOK_AGAIN_MS, undefined, { signal: call.signal })
      found = (await server.insist<Delivery>('GET', path, {}, (reason) => call.out.progress(reason))).body
    }
    call.out.answer(found, showDelivery)
    if (found.status !== 'success') throw new CommandFailed(found.error_message ?? `The delivery is ${found.status}.`)
  },
}

function isUnderWay({ status, attempt }: Delivery, before: Delivery): boolean {
  if (status === 'canceled') return false
  return status === 'pending' || status === 'delivering' || attempt <= before.attempt
}

import { setTimeout } from 'node:timers/promises'
import type { presentRecovery } from '../../recoveries/present-recovery.ts'
import { RECOVERABLE } from '../../recoveries/recovery.ts'
import type { Call, Command } from '../command.ts'
import { CommandFailed, UsageError } from '../failures.ts'
import { Server } from '../server.ts'
import { fields } from '../terminal.ts'
import { pathOf } from './answers.ts'

type Recovery = ReturnType<typeof presentRecovery>

const LOOK_AGAIN_MS = 1_000

export const recoverWebhook: Command = {
  name: 'webhooks recover',
  about: 'Deliver again what failed in a span of time, or what was missed in it.',
  args: '<webhook>',
  callsServer: true,
  options: {
    since: { kind: 'text', value: 'time', about: 'from then on (required): 2026-11-23T12:00:00Z, or 10m, 2h, 7d ago' },
    until: { kind: 'text', value: 'time', about: 'up to then (default now)' },
    status: {
      kind: 'text',
      value: 'status',
      about: 'failed (default), or missing: accepted while the webhook was off',
    },
    'no-wait': { kind: 'flag', about: 'do not wait for its end' },
  },
  details: 'The server goes on with it whatever happens to this command: Ctrl-C ends the waiting alone.',
  async run(call) {
    const { args, options, out } = call
    const since = options.time('since')
    if (since === undefined) throw new UsageError('--since is missing.')
    const until = options.time('until')
    const status = options.oneOf('status', RECOVERABLE)
    const body = { since, ...(until === undefined ? {} : { until }), ...(status === undefined ? {} : { status }) }
    const server = new Server(call).withToken()
    const begun = await server.call<Recovery>('POST', pathOf(args[0] ?? '', '/recover'), { body })
    if (options.flag('no-wait')) return out.answer(begun, show)
    const ended = await untilOver(call, server, begun)
    out.answer(ended, show)
    if (ended.status !== 'completed') throw new CommandFailed(ended.reason ?? `The recovery is ${ended.status}.`)
  },
}

async function untilOver({ out, signal }: Call, server: Server, begun: Recovery): Promise<Recovery> {
  let recovery = begun
  while (recovery.finished_at === null) {
    out.progress(`${Math.round(100 * recovery.progress)} %, ${recovery.recovered} opened again`)
    await setTimeout(LOOK_AGAIN_MS, undefined, { signal })
    const path = `/api/v1/recoveries/${begun.id}`
    const { body } = await server.insist<Recovery>('GET', path, {}, (reason) => out.progress(reason))
    recovery = body
  }
  return recovery
}

function show(recovery: Recovery): string {
  return fields([
    ['id', recovery.id],
    ['status', recovery.status],
    ['recovers', `${recovery.recovers}, ${recovery.since} to ${recovery.until}`],
    ['opened again', recovery.recovered],
    ['left out', recovery.skipped],
    ['reason', recovery.reason],
  ])
}

import { eventually } from '../../support/eventually.ts'
import type { Evidence, Fault } from '../fault.ts'
import { measured, untilAllDeliver } from '../resume.ts'
import { PER_WEBHOOK, type Stage } from '../stage.ts'

/** A webhook that fails is asked again after 36 s at the latest. */
const BACK_RESUMES_WITHIN = 40
const HANGING_EVENTS = 10_000

export const receiverFaults: Fault[] = [
  {
    name: 'receivers-down',
    what: 'all receivers down 15 s, then up',
    async inject(stage) {
      await stage.pause(1, 3)
      stage.log.note('all receivers down')
      await stage.receivers.down()
      await stage.lasting(15)
      await stage.receivers.up()
      await untilAllDeliver(stage, stage.log.note('all receivers up'))
      await keepCap(stage)
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
  },
  {
    name: 'receivers-half-open',
    what: 'receivers behind a half-open link for 10 s, and slow before and after',
    stage: { through: ['receivers'], settings: { DELIVERY_TIMEOUT_MS: '3000' } },
    async inject(stage) {
      for (const proxy of stage.proxies.receivers) proxy.delay(100)
      await stage.pause(1, 3)
      stage.log.note('the links to the receivers go silent', { kills: stage.crew.running('worker').length })
      for (const proxy of stage.proxies.receivers) proxy.goSilent()
      await stage.lasting(10)
      for (const proxy of stage.proxies.receivers) await proxy.mend()
      for (const proxy of stage.proxies.receivers) proxy.delay(100)
      await untilAllDeliver(stage, stage.log.note('new connections to the receivers pass'))
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
  },
  {
    name: 'receivers-reset',
    what: 'connections to the receivers reset ten times, at random',
    stage: { through: ['receivers'] },
    async inject(stage) {
      await stage.receivers.behave({ answer: 200, delayMs: 100 })
      for (let times = 0; times < 10; times += 1) {
        await stage.pause(0.2, 1)
        stage.log.note('connections to the receivers reset', { kills: stage.crew.running('worker').length })
        for (const proxy of stage.proxies.receivers) proxy.reset()
      }
    },
  },
  {
    name: 'receiver-hangs',
    what: `one of three receivers hangs while ${HANGING_EVENTS.toLocaleString('en')} events come, and answers again after all others have theirs`,
    stage: { webhooks: 3 },
    load: 'own',
    async inject(stage) {
      await stage.receivers.behave({ receiver: 0, answer: 'hang' })
      stage.log.note('one receiver hangs')
      const events = stage.brief ? HANGING_EVENTS / 20 : HANGING_EVENTS
      const production = await stage.produce({ rate: 10, batch: 100, requests: events / 100 })
      await production.finished()
      await othersHaveTheirs(stage)
      await stage.receivers.behave({ receiver: 0, answer: 200 })
      await untilAllDeliver(stage, stage.log.note('it answers again'), [stage.webhooks[0] ?? ''])
      await keepCap(stage)
    },
    resume: { of: measured, within: BACK_RESUMES_WITHIN },
    also: gaveNoneUp,
  },
]

async function othersHaveTheirs(stage: Stage): Promise<void> {
  const { db } = stage.system.database
  const [hanging] = stage.webhooks
  const rest = async () => {
    const rows = await db.query({
      text: 'SELECT 1 FROM due WHERE webhook_id <> $1 LIMIT 1',
      values: [hanging?.slice('wh_'.length)],
    })
    return rows.length === 0
  }
  await eventually(rest, { timeoutMs: 120_000, everyMs: 200 }).catch(() => stage.log.complain('It held up the others'))
  stage.log.note('all others have theirs')
}

/** Coming back, a receiver is not run over. */
async function keepCap(stage: Stage): Promise<void> {
  const { mostAtOnce } = await stage.receivers.state()
  for (const most of mostAtOnce) {
    if (most > PER_WEBHOOK) stage.log.complain(`A receiver had ${most} requests at once, allowed ${PER_WEBHOOK}`)
  }
}

function gaveNoneUp({ ledgers }: Evidence): string[] {
  const failed = ledgers.database.deliveries.filter(({ status }) => status === 'failed').length
  return failed > 0 ? [`${failed} deliveries were given up`] : []
}

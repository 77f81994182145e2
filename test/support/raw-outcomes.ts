import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Context } from 'koa'
import { type BridgeAndNode, startBoth } from './bridge-and-node.ts'
import { IS_SINCE_22 } from './raw-build.ts'
import { type Dialogue, type Manner, speak } from './raw-http.ts'

/** Requests that both servers answer with the same outcome: the status and body of each answer, and the connection's fate. */
export type Alike = [what: string, request: string, outcome: string]

/** A known difference, and why it may stay. */
export interface Difference {
  case: string
  request: string
  ours: string
  node: string
  reason: string
  /** What is otherwise from Node 22 on. */
  since22?: { ours?: string; node?: string }
}

/** @param requests by what they are */
export function alike(outcome: string, requests: Record<string, string>): Alike[] {
  return Object.entries(requests).map(([what, request]) => [what, request, outcome])
}

export function differing(
  outcomes: Omit<Difference, 'case' | 'request'>,
  requests: Record<string, string>,
): Difference[] {
  return Object.entries(requests).map(([what, request]) => ({ case: what, request, ...outcomes }))
}

/** Where a request says `#`, it is sent once without and once with `Connection: close` in this place. */
const CONNECTION = '#'

/** Short answers that tell how a request was read. */
const ROUTES: Record<string, (ctx: Context) => unknown> = {
  '/read': read,
  '/slow': async (ctx) => {
    await setTimeout(60)
    await read(ctx)
  },
  '/early': (ctx) => {
    ctx.status = 413
    ctx.body = 'too large'
  },
}

async function read(ctx: Context): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of ctx.req) chunks.push(chunk as Buffer)
  const header = ctx.get('x') === '' ? '' : ` x=${ctx.get('x')}`
  // Bytes, which Node does not send together with the head.
  ctx.body = Buffer.from(`${ctx.method} ${ctx.req.url}${header} ${Buffer.concat(chunks).toString('latin1')}`, 'latin1')
}

/** Defines a test for each case. All dialogues go on at once; the tests wait for theirs. */
export function itAnswers(alike: readonly Alike[], differences: readonly Difference[], manner: Manner = {}): void {
  let both: BridgeAndNode
  const outcomes = new Map<string, Promise<string>>()
  const say = (port: number, request: string) =>
    speak(port, [request], manner).then(outcomeOf, (error: Error) => error.message)
  before(async () => {
    both = await startBoth(ROUTES)
    for (const request of [...alike.map(([, text]) => text), ...differences.map((one) => one.request)].flatMap(
      variants,
    )) {
      outcomes.set(`ours ${request}`, say(both.bridge, request))
      outcomes.set(`node ${request}`, say(both.node, request))
    }
  })
  after(() => both.stop())

  const check = async (server: string, request: string, outcome: string) => {
    const [keeping, closing] = variants(request)
    assert.equal(await outcomes.get(`${server} ${keeping}`), outcome, server)
    if (closing) assert.equal(await outcomes.get(`${server} ${closing}`), whenClosing(outcome), `${server}, closing`)
  }
  for (const [what, request, outcome] of alike) {
    it(`answers ${what} as node:http does: ${outcome}`, async () => {
      await check('ours', request, outcome)
      await check('node', request, outcome)
    })
  }
  for (const { case: what, request, reason, since22, ...outcome } of differences) {
    const { ours, node } = { ...outcome, ...(IS_SINCE_22 ? since22 : {}) }
    it(`answers ${what} with ${ours} where node:http has ${node}: ${reason}`, async () => {
      assert.notEqual(outcome.ours, outcome.node)
      await check('ours', request, ours)
      await check('node', request, node)
    })
  }
}

function variants(request: string): string[] {
  if (!request.includes(CONNECTION)) return [request]
  return [request.replace(CONNECTION, ''), request.replace(CONNECTION, 'Connection: close\r\n')]
}

function whenClosing(outcome: string): string {
  return /^\d/.test(outcome) ? outcome.replace(/kept$/, 'closed') : outcome
}

/** Such as `200 GET /read , kept`. */
export function outcomeOf({ answers, connection, rest }: Dialogue): string {
  return [
    ...answers.map(({ status, body }) =>
      status >= 200 && status < 300 ? `${status} ${body.toString('latin1')}` : `${status}`,
    ),
    ...(rest.length > 0 ? [`rest ${rest.toString('latin1')}`] : []),
    connection === 'kept' ? 'kept' : 'closed',
  ].join(', ')
}

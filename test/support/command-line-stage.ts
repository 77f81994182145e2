import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ended, runCommandLine, startCommandLine } from './command-line.ts'
import { type EmbeddedSystem, startEmbeddedSystem } from './embedded-system.ts'
import type { Program } from './program.ts'
import { type Received, type Response, startTestReceiver, type TestReceiver } from './receiver.ts'
import { type StreamLink, startLink } from './stream-link.ts'

/** What a suite of the command line stands on: a server it was started with, a receiver and a link to the server. */
export interface CommandLineStage {
  system(): EmbeddedSystem
  link(): StreamLink
  receiver(): TestReceiver
  /** What the receiver says until the test ends. */
  respond(response: Response): void
  tokens(): { user: string; producer: string }
  /** Of the tests alone. */
  folder(): string
  run(token: string, args: readonly string[]): Promise<Ended>
  /** These fail when the exit code is not 0. */
  asUser(...args: string[]): Promise<Ended>
  asProducer(...args: string[]): Promise<Ended>
  fails(code: number, ...args: string[]): Promise<Ended>
  /** Over the link, until the test ends. */
  start(token: string, args: readonly string[]): Program
  publish(event: object): Promise<{ event_id: string }>
  publishAlert(message: string, symbol?: string, user?: string): Promise<{ event_id: string }>
}

export function openCommandLineStage(): CommandLineStage {
  let system: EmbeddedSystem
  let link: StreamLink
  let receiver: TestReceiver
  let response: Response
  let folder: string
  let tokens: { user: string; producer: string }
  const running: Program[] = []

  before(async () => {
    const settings = { DEMO_FEED: 'false', RATE_LIMIT_FREE: '100000', DELIVERY_RETRY_BASE_MS: '60000' }
    system = await startEmbeddedSystem(settings, ['dist/src/cli/main.js', 'start'])
    link = await startLink(Number(system.host.split(':')[1]))
    receiver = await startTestReceiver({ respond: (_request: Received) => response })
    folder = await mkdtemp(join(tmpdir(), 'ara-cli-'))
    const [user, producer] = await Promise.all([system.token('alice', 'user'), system.token('models', 'producer')])
    tokens = { user, producer }
  })
  beforeEach(() => {
    response = { status: 200 }
    receiver.received.length = 0
  })
  afterEach(async () => {
    link.mend()
    await Promise.all(running.splice(0).map((program) => program.stop()))
  })
  after(async () => {
    await receiver?.close()
    await link?.close()
    await system?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  function run(token: string, args: readonly string[]): Promise<Ended> {
    return runCommandLine(args, { ARA_EVENTS_URL: `http://${system.host}`, ARA_EVENTS_TOKEN: token })
  }

  async function ends(code: number, token: string, args: readonly string[]): Promise<Ended> {
    const ended = await run(token, args)
    assert.equal(ended.code, code, `${args.join(' ')}: ${ended.stdout}${ended.stderr}`)
    return ended
  }

  function publish(event: object): Promise<{ event_id: string }> {
    return system.call('POST', '/api/v1/events', tokens.producer, event)
  }

  return {
    system: () => system,
    link: () => link,
    receiver: () => receiver,
    respond(given) {
      response = given
    },
    tokens: () => tokens,
    folder: () => folder,
    run,
    asUser: (...args) => ends(0, tokens.user, args),
    asProducer: (...args) => ends(0, tokens.producer, args),
    fails: (code, ...args) => ends(code, tokens.user, args),
    start(token, args) {
      const env = { ARA_EVENTS_URL: `http://127.0.0.1:${link.port}`, ARA_EVENTS_TOKEN: token }
      const program = startCommandLine(args, env)
      running.push(program)
      return program
    },
    publish,
    publishAlert(message, symbol = 'AAPL', user) {
      return publish({ event_type: 'alert_triggered', data: { symbol, message }, ...(user ? { user_id: user } : {}) })
    },
  }
}

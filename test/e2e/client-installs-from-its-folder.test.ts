import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { runProgram, startProgram } from '../support/program.ts'

describe('the client', function () {
  this.timeout(120_000)

  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ara-client-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('is installed into a new project as its README says, and imported by its name', async () => {
    const [, path = ''] = /^npm install (\S+)$/m.exec(await readFile('client/README.md', 'utf8')) ?? []
    assert.equal(path, '/path/to/ara-events/client')
    await writeFile(join(folder, 'package.json'), '{"private": true, "type": "module"}')
    await runProgram('npm', ['install', '--offline', '--no-audit', '--no-fund', resolve('client')], { cwd: folder })
    const program = "import('ara-events-client').then((client) => console.log(Object.keys(client).join()))"
    const printed = await runProgram('node', ['--eval', program], { cwd: folder })
    for (const name of ['connectStreams', 'verifyWebhook', 'WebhookRefused']) assert.ok(printed.includes(name), printed)
  })

  it('lets the samples of its README compile in a strict TypeScript project, and knows the messages by channel', async () => {
    const samples = (await readFile('client/README.md', 'utf8')).matchAll(/^```(?:js|ts)\n(.*?)^```$/gms)
    const files = [...samples].map(([, sample = ''], index) => [`sample-${index}.ts`, sample] as const)
    assert.equal(files.length, 3)
    for (const [name, text] of [...files, ['given.d.ts', GIVEN], ['by-channel.ts', BY_CHANNEL]] as const) {
      await writeFile(join(folder, name), text)
    }
    const compilerOptions = {
      ...{ strict: true, noEmit: true, target: 'es2023', module: 'nodenext' },
      ...{ typeRoots: [resolve('node_modules/@types')], types: ['node'] },
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
    assert.equal(await compile(folder), '')
  })

  it('is called in the examples as its types say', async () => {
    const examples = ['examples/streams/node-client.mjs', 'examples/receivers/koa-receiver.mjs']
    const strict = ['--strict', '--noImplicitAny', 'false', '--noEmit', '--allowJs', '--checkJs']
    const rest = ['--ignoreConfig', '--target', 'es2023', '--module', 'nodenext', '--types', 'node', '--skipLibCheck']
    assert.equal(await compile('.', [...strict, ...rest, ...examples]), '')
  })

  it('does not compile with a field that the channel does not bring', async () => {
    await writeFile(join(folder, 'by-channel.ts'), BY_CHANNEL.replaceAll('// @ts-expect-error', '//'))
    const complaints = (await compile(folder)).split('\n').filter((line) => line.startsWith('by-channel.ts'))
    assert.equal(complaints.length, BY_CHANNEL.split('@ts-expect-error').length - 1, complaints.join('\n'))
    for (const complaint of complaints) assert.match(complaint, /TS2339|TS2322/)
  })
})

/** What the samples have of the program around them. */
const GIVEN = `
declare function getToken(): Promise<string>
declare function draw(data: Record<string, unknown>, isSnapshot: boolean | undefined): void
declare function notify(text: string): void
declare const rawBody: Buffer
declare const request: import('node:http').IncomingMessage
`

const BY_CHANNEL = `
import { type Channel, connectStreams, type JsonValue, type StreamMessage } from 'ara-events-client'

const client = connectStreams({ url: 'wss://streams.example' })

client.subscribe({ channel: 'alerts' }, ({ type, data }) => {
  const [kind, text]: ['alert', string] = [type, data.message]
  // @ts-expect-error: of predictions
  console.log(kind, text, data.predicted_price)
})
client.subscribe({ channel: 'predictions', symbol: 'AAPL' }, ({ data, late, snapshot, scope }) => {
  const [price, isOld]: [number, boolean | undefined] = [data.predicted_price, late ?? snapshot]
  // @ts-expect-error: of alerts
  console.log(price, isOld, scope === 'user', data.message)
})
client.subscribe({ channel: 'market-data', symbol: '*' }, ({ symbol, data, conflated }) => {
  const price: JsonValue | undefined = data['price']
  if (typeof price === 'number') console.log(symbol, price.toFixed(2), conflated)
  // @ts-expect-error: it may be any JSON
  const unchecked: number = data['price']
  console.log(unchecked)
})
client.watchDeliveries({ include: 'request' }, (attempt) => {
  console.log(attempt.status, attempt.request?.body)
  // @ts-expect-error: it is in no stream
  console.log(attempt.seq)
})

// Where the channel is known only when the program runs, a listener gets any of them.
export function follow(channel: Channel): void {
  client.subscribe({ channel }, (message) => {
    const any: StreamMessage = message
    if (message.type === 'prediction_update') console.log(message.data.predicted_price)
    // @ts-expect-error: it may be of another channel
    console.log(any, message.data.predicted_price)
  })
}

client.on('message', (message) => {
  if (message.type === 'market_data_update') console.log(message.conflated)
  if (message.type === 'alert') console.log(message.data.message)
  // @ts-expect-error: alerts are of no symbol
  console.log(message.symbol)
})
client.on('gap', ({ channel, symbol, to }) => {
  const of: Channel | 'deliveries' = channel
  console.log(of, symbol?.length, to?.toFixed())
})
`

/** @returns its complaints */
async function compile(cwd: string, args: readonly string[] = ['-p', '.']): Promise<string> {
  const tsc = startProgram(resolve('node_modules/.bin/tsc'), ['--pretty', 'false', ...args], { cwd })
  await tsc.ended()
  return tsc.output()
}

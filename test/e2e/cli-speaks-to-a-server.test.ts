import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommandLine } from '../support/command-line.ts'
import { openCommandLineStage } from '../support/command-line-stage.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/ports.ts'

describe('the command line, for whoever uses a server', function () {
  this.timeout(180_000)
  const stage = openCommandLineStage()
  const { run, asProducer, start, publishAlert } = stage

  it('says what is wrong with a call, without a stack', async () => {
    const wrong: [code: number, reason: RegExp, args: string[]][] = [
      [2, /There is no command "webhooks dance"/, ['webhooks', 'dance']],
      [2, /no event type "alert"/, ['events', 'publish', 'alert']],
      [2, /is no stream/, ['events', 'tail', 'prices/AAPL']],
      [2, /cannot be read \(ENOENT\)/, ['events', 'publish', '--file', join(stage.folder(), 'nothing')]],
      [2, /is a directory/, ['events', 'publish', '--file', stage.folder()]],
      [2, /A token is missing/, ['webhooks', 'list', '--url', `http://${stage.system().host}`]],
      [1, /422 .*\n {2}url: /, ['webhooks', 'create', 'nonsense']],
      [1, /^401 /, ['listen', '--forward', stage.receiver().url, '--token', 'bad']],
      [1, /cannot be reached: .*ECONNREFUSED/, ['webhooks', 'list', '--url', `http://127.0.0.1:${await freePort()}`]],
      [2, /--forward must be a URL like .*, unlike "foo"/, ['listen', '--forward', 'foo']],
      [2, /--forward must be a URL/, ['listen', '--forward', 'localhost/hook']],
      [2, /--forward must be a URL/, ['listen', '--forward', 'ftp://localhost:3000/hook']],
      [1, /The server closed the stream: 4401/, ['events', 'tail', '--token', 'bad']],
      [1, /market-data\/\* was refused: forbidden/, ['events', 'tail', 'market-data/*']],
    ]
    for (const [code, reason, args] of wrong) {
      const ended = await run(args.includes('list') && code === 2 ? '' : stage.tokens().user, args)
      const { code: actual, stdout, stderr } = ended
      assert.match(stderr, reason)
      assert.deepEqual([actual, stdout], [code, ''], args.join(' '))
      assert.doesNotMatch(stderr, /^\s+at /m)
    }
  })

  it('names the server that a stream cannot be had from, and tries again', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const tail = start('', ['events', 'tail', '--url', url])
    await tail.waitFor(
      new RegExp(`^The server at ${url} cannot be reached; again in \\d+ ms\\.\n(.+\n)*The server`, 'm'),
    )
  })

  it('knows the system that has the port for its own', async () => {
    const { stdout } = await runCommandLine(['doctor'], {
      PORT: stage.system().host.split(':')[1],
      DATA_DIR: stage.folder(),
    })
    assert.match(stdout, /^ok {4}port \d+: taken by a running ara-events$/m)
  })

  it('publishes one event, and never twice under one key', async () => {
    const args = [
      'events',
      'publish',
      'prediction_complete',
      'symbol=AAPL',
      'predicted_price=187.5',
      'current_price=180',
    ]
    const key = ['confidence=0.7', '--idempotency-key', 'one-of-the-tests', '--json']
    const [first, second] = [await asProducer(...args, ...key), await asProducer(...args, ...key)]
    const [made, again] = [JSON.parse(first.stdout), JSON.parse(second.stdout)]
    assert.deepEqual([made.replayed, again.replayed, again.event_id], [false, true, made.event_id])
    const exact = '{"symbol": "AAPL", "message": "exact", "actual_value": 9007199254740993}'
    const refused = await run(stage.tokens().producer, ['events', 'publish', 'alert_triggered', '--data', exact])
    assert.deepEqual([refused.code, /422/.test(refused.stderr)], [1, true])
  })

  it('publishes a file, names the line that is wrong, and goes on with the key it told', async () => {
    const lines = Array.from({ length: 1_250 }, (_, index) => alertLine(`file ${index}`))
    const file = join(stage.folder(), 'events.ndjson')
    await writeFile(
      file,
      [...lines.slice(0, 1_100), '', '{"event_type": "alert_triggered"}', ...lines.slice(1_101)].join('\n'),
    )
    const broken = await run(stage.tokens().producer, ['events', 'publish', '--file', file])
    assert.equal(broken.code, 1)
    assert.match(broken.stderr, /line 1102: data/)
    assert.match(broken.stderr, /^1000 events were published\. To go on: --idempotency-key (\S+)$/m)
    const [, key = ''] = /--idempotency-key (\S+)/.exec(broken.stderr) ?? []
    await writeFile(file, lines.join('\n'))
    const mended = await asProducer('events', 'publish', '--file', file, '--idempotency-key', key, '--json')
    assert.deepEqual(JSON.parse(mended.stdout), { published: 1_250, replayed: 1_000, idempotency_key: key })
  })

  it('publishes standard input, and waits for a server that cannot be reached', async () => {
    const lines = Array.from({ length: 40 }, (_, index) => alertLine(`input ${index}`))
    const env = { ARA_EVENTS_TOKEN: stage.tokens().producer, ARA_EVENTS_URL: `http://127.0.0.1:${stage.link().port}` }
    const first = await runCommandLine(
      ['events', 'publish', '--file', '-', '--batch', '10'],
      env,
      `${lines.join('\n')}\n`,
    )
    assert.deepEqual([first.code, first.stdout], [0, '40 events published.\n'])
    const file = join(stage.folder(), 'later.ndjson')
    await writeFile(file, lines.join('\n'))
    stage.link().cut()
    const second = start(stage.tokens().producer, ['events', 'publish', '--file', file])
    await second.waitFor(/cannot be reached.*Trying again/, 60_000)
    stage.link().mend()
    assert.equal(await second.ended(), 0)
    assert.match(second.output(), /^40 events published\.$/m)
  })

  it('tails a stream over lost connections without a hole or a repeat', async () => {
    const tail = start(stage.tokens().user, ['events', 'tail', 'alerts', '--count', '30', '--json'])
    await eventually(async () => {
      await publishAlert('begin')
      return /begin/.test(tail.output())
    })
    for (let number = 0; number < 30; number += 1) {
      if (number % 10 === 5) stage.link().cut()
      await publishAlert(`tail ${number}`)
      if (number % 10 === 7) stage.link().mend()
    }
    assert.equal(await tail.ended(), 0)
    const messages = tail
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line))
    const numbers = messages.map(({ seq }) => seq)
    assert.deepEqual(
      numbers,
      Array.from({ length: 30 }, (_, index) => numbers[0] + index),
    )
  })
})

function alertLine(message: string): string {
  return JSON.stringify({ event_type: 'alert_triggered', data: { symbol: 'MSFT', message } })
}

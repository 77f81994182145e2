import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runProgram } from '../test/support/program.ts'
import { startClient } from './fanout/client.ts'
import type { Contender } from './fanout/contenders.ts'
import { oursByKey } from './fanout/ours.ts'
import { PEERS_BY_KEY } from './fanout/peers.ts'
import { report } from './fanout/report.ts'
import { runRounds } from './fanout/rounds.ts'
import { SCENARIOS } from './fanout/scenarios.ts'
import { openStores } from './support/stores.ts'
import { conditions } from './support/table.ts'

/*
 * What it costs to bring a message to many sockets: this server beside what others use for it, with the same messages and the same
 * client. Each server has the machine to itself but for the client; they take turns, round by round.
 */
const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    only: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    minutes: { type: 'string', default: '15' },
    results: { type: 'string' },
    profile: { type: 'string' },
  },
})
const OURS = ['ours', 'ours-redis-1', 'ours-redis-2']
const SHOWN_ONLY_BY_NAME = ['ours-anonymous']
const HELP = `npm run bench:fanout -- [options]

  --only     scenarios, comma-separated: ${Object.keys(SCENARIOS).join(', ')}
  --peers    servers, comma-separated: ${[...OURS, ...SHOWN_ONLY_BY_NAME, ...Object.keys(PEERS_BY_KEY)].join(', ')}
  --rounds   how often each is measured; medians are shown (${values.rounds})
  --seconds  how long each is measured (${values.seconds})
  --minutes  no round begins after so many (${values.minutes})
  --results  a file that keeps what was measured, and adds what it has from before to the tables
  --profile  a directory that gets a CPU profile of each process of this server
`

if (values.help) process.stdout.write(HELP)
else await main()

async function main(): Promise<void> {
  const began = performance.now()
  const scenarios = Object.keys(chosen(values.only, SCENARIOS))
  const stores = await openStores()
  const client = await startClient()
  try {
    const all = { ...oursByKey({ stores, profiles: values.profile }), ...PEERS_BY_KEY }
    const contenders = chosen(values.peers, all, SHOWN_ONLY_BY_NAME)
    if (Object.values(contenders).some(({ missing }) => missing() !== null)) await installPeers()
    const rows = await runRounds({
      client,
      contenders: present(contenders),
      scenarios,
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
      until: began + Number(values.minutes) * 60_000,
      file: values.results,
    })
    process.stdout.write(`## Fan-out\n\n${conditions(`${values.seconds} s a round`, `client in ${client.kind}`)}\n\n`)
    process.stdout.write(report(rows))
  } finally {
    await client.stop()
    await stores.close()
  }
}

/** On the first use; what is heavy and only compared with does not belong to the packages of the project. */
async function installPeers(): Promise<void> {
  if (existsSync('bench/peers/fanout/node_modules')) return
  process.stderr.write('installing the peers\n')
  await runProgram('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: 'bench/peers/fanout' }).catch(
    (error: unknown) => process.stderr.write(`${String(error)}\n`),
  )
}

function chosen<T>(
  names: string | undefined,
  all: Record<string, T>,
  hidden: readonly string[] = [],
): Record<string, T> {
  if (names === undefined) return Object.fromEntries(Object.entries(all).filter(([key]) => !hidden.includes(key)))
  return Object.fromEntries(
    names.split(',').map((name) => {
      const found = all[name]
      if (found === undefined) throw new Error(`${name} is none of ${Object.keys(all).join(', ')}`)
      return [name, found]
    }),
  )
}

function present(contenders: Record<string, Contender>): Record<string, Contender> {
  return Object.fromEntries(
    Object.entries(contenders).filter(([, { name, missing }]) => {
      const why = missing()
      if (why !== null) process.stderr.write(`left out: ${name}: ${why}\n`)
      return why === null
    }),
  )
}

import { type Config, lacksSecrets } from '../config.ts'
import type { Command } from './command.ts'
import { checkConfig, checkPublishedKeys, type Role, usualRole } from './doctor/check-config.ts'
import { checkNames } from './doctor/check-names.ts'
import type { Finding } from './doctor/finding.ts'
import { CommandFailed } from './failures.ts'
import { clean, type Style, type Terminal } from './terminal.ts'

const ROLES = ['all', 'web', 'worker'] as const
const DEFAULT_SOCKETS = 50_000
const STYLES = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<Finding['verdict'], Style>

export const doctor: Command = {
  name: 'doctor',
  about: 'Look whether this machine, its configuration and its stores are fit to run the system.',
  options: {
    role: { kind: 'text', value: 'role', about: 'all, web or worker; web where REDIS_URL is set, else all' },
    strict: { kind: 'flag', about: 'exit with 1 also when there is a warning' },
  },
  details: `
It reads the same environment and .env as the processes do, so run it where they run. It changes nothing. Each line says ok,
warn or fail, and below it what to do. The exit code is 1 when anything failed.`,
  handlesSignals: true,
  async run({ options, out }) {
    const role = options.oneOf('role', ROLES) ?? usualRole(process.env)
    const findings = await examine(role)
    if (out.json) out.print(JSON.stringify({ verdict: worst(findings), findings }, null, 2))
    else for (const finding of findings) show(out, finding)
    conclude(findings, options.flag('strict'))
  },
}

async function examine(role: Role): Promise<Finding[]> {
  const { config, findings } = checkConfig(process.env, role)
  // Only here: they load the drivers.
  const { checkRuntime } = await import('./doctor/check-runtime.ts')
  const runtime = await checkRuntime({ mostSockets: config?.streams.maxSockets ?? DEFAULT_SOCKETS })
  return [
    ...runtime,
    ...findings,
    ...checkNames(process.env),
    ...(config === null ? [] : await examineStores(config, role)),
  ]
}

async function examineStores(config: Config, role: Role): Promise<Finding[]> {
  const { checkPostgres } = await import('./doctor/check-postgres.ts')
  const { checkRedis } = await import('./doctor/check-redis.ts')
  const { checkDirectory, checkEmbedded } = await import('./doctor/check-data-dir.ts')
  const { checkPort, TAKEN_BY_US } = await import('./doctor/check-port.ts')
  const { databaseUrl, redisUrl, streamsRedisUrl } = config.secrets
  const port = role === 'worker' ? [] : [await checkPort(config)]
  const isRunning = port[0]?.says === TAKEN_BY_US
  const isParted = streamsRedisUrl !== undefined && streamsRedisUrl !== redisUrl
  const groups = await Promise.all([
    databaseUrl === undefined ? checkEmbedded(config, isRunning) : checkPostgres(databaseUrl, config),
    role === 'all' && databaseUrl !== undefined && lacksSecrets(config)
      ? [await checkDirectory(config, isRunning)]
      : [],
    redisUrl === undefined ? [] : checkRedis('REDIS_URL', redisUrl),
    isParted ? checkRedis('STREAMS_REDIS_URL', streamsRedisUrl) : [],
    checkPublishedKeys(config),
    port,
  ])
  return groups.flat()
}

function show(out: Terminal, { about, verdict, says, remedy }: Finding): void {
  out.print(`${out.paint(STYLES[verdict], verdict.padEnd(4))}  ${clean(about)}: ${clean(says)}`)
  if (remedy !== undefined) out.print(`      ${out.paint('dim', remedy)}`)
}

function worst(findings: readonly Finding[]): Finding['verdict'] {
  const verdicts = new Set(findings.map(({ verdict }) => verdict))
  return verdicts.has('fail') ? 'fail' : verdicts.has('warn') ? 'warn' : 'ok'
}

function conclude(findings: readonly Finding[], isStrict: boolean): void {
  const count = (verdict: Finding['verdict']) => findings.filter((finding) => finding.verdict === verdict).length
  const [failed, warned] = [count('fail'), count('warn')]
  if (failed > 0 || (isStrict && warned > 0)) {
    throw new CommandFailed(`${failed} failed, ${warned} warned.`)
  }
}

import { type Config, ConfigError, readConfig } from '../../config.ts'
import { exposure } from '../../exposure.ts'
import { fetchJson } from '../../identity/fetch-json.ts'
import { type Finding, fail, ok, reasonOf, warn } from './finding.ts'

const ABOUT = 'configuration'

export type Role = 'all' | 'web' | 'worker'

/** Where there is a Redis the processes run apart. */
export function usualRole(env: NodeJS.ProcessEnv): Role {
  return env['REDIS_URL'] ? 'web' : 'all'
}

/** The whole of it, or all that is wrong with it. */
export function checkConfig(env: NodeJS.ProcessEnv, role: Role): { config: Config | null; findings: Finding[] } {
  try {
    const config = readConfig(env, role)
    return {
      config,
      findings: [
        ok(ABOUT, describe(config)),
        ...checkProduction(config),
        ...checkExposure(config),
        ...checkTargets(config),
      ],
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const [, ...complaints] = error.message.split('\n')
    const findings = complaints.map((line) => fail(ABOUT, line.trim(), remedyFor(line.trim())))
    return { config: null, findings }
  }
}

function remedyFor(complaint: string): string {
  if (complaint.startsWith('JWT_SECRET: ')) return 'Make a secret: JWT_SECRET=$(openssl rand -hex 32)'
  if (complaint.startsWith('SECRETS_KEY: ')) return 'Make a key: SECRETS_KEY=k1:$(openssl rand -base64 32)'
  return 'See .env.example, which has each variable with its default.'
}

/** Tokens of an identity provider cannot be checked without its keys. */
export async function checkPublishedKeys({ identity }: Config): Promise<Finding[]> {
  if (identity.jwksUrl === undefined) return []
  const about = 'JWKS_URL'
  try {
    const { keys } = (await fetchJson(identity.jwksUrl)) as { keys?: unknown }
    if (Array.isArray(keys) && keys.length > 0) return [ok(about, `${keys.length} keys`)]
    return [fail(about, 'has no keys', 'It must be a JSON Web Key Set: {"keys": […]}.')]
  } catch (error) {
    return [fail(about, `cannot be read: ${reasonOf(error)}`, 'No token can be verified until it answers.')]
  }
}

function describe(config: Config): string {
  const queue = config.secrets.redisUrl === undefined ? 'PostgreSQL' : 'Redis'
  return `valid; ${config.embedded ? 'the embedded mode' : 'a PostgreSQL of yours'}, the queue in ${queue}`
}

function checkProduction(config: Config): Finding[] {
  if (config.embedded || config.production) return []
  const remedy = 'Set NODE_ENV=production on a deployment; then unsafe defaults are refused at the start.'
  return [warn('NODE_ENV', 'is not production', remedy)]
}

function checkExposure(config: Config): Finding[] {
  const says = exposure(config)
  return says === null ? [] : [warn('HOST', says, 'Leave HOST out, or for a deployment set DATABASE_URL.')]
}

/** Receivers in networks of one's own are reached only by who opens them, and then by every user's webhooks. */
function checkTargets(config: Config): Finding[] {
  const { allowCidrs } = config.deliveries
  if (!config.production || allowCidrs.length === 0) return []
  const remedy = 'Every user may point a webhook there; keep the list as short as it can be.'
  return [warn('WEBHOOK_ALLOW_CIDRS', `opens ${allowCidrs.join(', ')} to webhooks`, remedy)]
}

import { z } from 'zod'
import { readConfig } from '../config.ts'
import { dataDirectory } from '../embedded/data-dir.ts'
import { readEmbeddedSecrets } from '../embedded/secrets.ts'
import { isUserId } from '../identity/claims.ts'
import { makeToken } from '../identity/make-token.ts'
import { ROLES, TIERS } from '../identity/principal.ts'
import type { Command, GivenOptions } from './command.ts'
import { CommandFailed, UsageError } from './failures.ts'

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }

const Wanted = z.object({
  sub: z.string({ error: '--sub is required' }).refine(isUserId, '--sub must be a text of 1 to 255 characters'),
  role: z.enum(ROLES, { error: `--role must be one of ${ROLES.join(', ')}` }).default('user'),
  tier: z.enum(TIERS, { error: `--tier must be one of ${TIERS.join(', ')}` }).default('free'),
  email: z.string().max(320).optional(),
  ttl: z
    .string()
    .regex(/^[1-9]\d{0,6}[smhd]$/, '--ttl must be like 90s, 15m, 24h or 30d')
    .default('24h')
    .transform((text) => Number(text.slice(0, -1)) * (SECONDS[text.slice(-1)] ?? 1)),
})

export const token: Command = {
  name: 'token',
  about: 'Print one JSON Web Token for this installation and nothing else.',
  options: {
    sub: { kind: 'text', value: 'user', about: 'user id (required)' },
    role: { kind: 'text', value: 'role', about: `${ROLES.join(', ')} (default user)` },
    tier: { kind: 'text', value: 'tier', about: `${TIERS.join(', ')} (default free)` },
    ttl: { kind: 'text', value: 'time', about: 'how long it is good: 90s, 15m, 24h, 30d (default 24h)' },
    email: { kind: 'text', value: 'address', about: 'optional claim' },
  },
  details: 'It signs with JWT_SECRET, or with the secret that the embedded mode keeps in its data directory.',
  async run({ options, out }) {
    const { ttl, ...claims } = readWanted(options)
    const { config, secret } = await findSecret()
    const made = makeToken({ ...config.identity, secret }, claims, ttl)
    out.answer({ token: made, expires_in: ttl }, () => made)
  },
}

function readWanted(options: GivenOptions): z.infer<typeof Wanted> {
  const names = ['sub', 'role', 'tier', 'ttl', 'email']
  const parsed = Wanted.safeParse(Object.fromEntries(names.map((name) => [name, options.raw(name)])))
  if (!parsed.success) throw new UsageError(parsed.error.issues.map((issue) => issue.message).join('\n'))
  return parsed.data
}

async function findSecret() {
  const config = readConfig(process.env, 'all')
  const { publicKey, jwksUrl } = config.identity
  for (const [name, setting] of Object.entries({ JWT_PUBLIC_KEY: publicKey, JWKS_URL: jwksUrl })) {
    if (setting === undefined) continue
    throw new CommandFailed(`${name} is set: tokens are made by whoever holds the private key, not here.`)
  }
  const secret =
    config.secrets.jwtSecret ?? (await readEmbeddedSecrets(dataDirectory(config.database.dataDir))).jwtSecret
  return { config, secret }
}

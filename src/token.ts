import { parseArgs } from 'node:util'
import { z } from 'zod'
import { loadEnvFile, readConfig } from './config.ts'
import { dataDirectory } from './embedded/data-dir.ts'
import { readEmbeddedSecrets } from './embedded/secrets.ts'
import { isUserId } from './identity/claims.ts'
import { makeToken } from './identity/make-token.ts'
import { ROLES, TIERS } from './identity/principal.ts'

const HELP = `Prints one JSON Web Token for this installation and nothing else.

  npm run --silent token -- --sub alice --role user [--tier pro] [--ttl 24h] [--email a@example.com]

  --sub    user id (required)
  --role   ${ROLES.join(' | ')} (default user)
  --tier   ${TIERS.join(' | ')} (default free)
  --ttl    how long it is good: 90s, 15m, 24h, 30d (default 24h)
  --email  optional claim

It signs with JWT_SECRET, or with the secret that the embedded mode keeps in its data directory.
`

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }

const Options = z.object({
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

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: { sub: text, role: text, tier: text, ttl: text, email: text, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const options = Options.safeParse(values)
  if (!options.success) throw new Error(options.error.issues.map((issue) => issue.message).join('\n'))
  loadEnvFile()
  const config = readConfig(process.env, 'all')
  for (const [name, setting] of Object.entries({
    JWT_PUBLIC_KEY: config.identity.publicKey,
    JWKS_URL: config.identity.jwksUrl,
  })) {
    if (setting === undefined) continue
    throw new Error(`${name} is set: tokens are made by whoever holds the private key, not here.`)
  }
  const secret =
    config.secrets.jwtSecret ?? (await readEmbeddedSecrets(dataDirectory(config.database.dataDir))).jwtSecret
  const { ttl, ...claims } = options.data
  process.stdout.write(`${makeToken({ ...config.identity, secret }, claims, ttl)}\n`)
}

main().catch((error: Error) => {
  process.stderr.write(`${error.message}\nTry --help.\n`)
  process.exitCode = 1
})

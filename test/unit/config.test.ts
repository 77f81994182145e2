import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { readConfig, withSecrets } from '../../src/config.ts'
import { complaints, type Role } from '../support/config-complaints.ts'

const PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString()
  .trim()
  .replaceAll('\n', '\\n')
const oneKey = () => randomBytes(32).toString('base64')
const PRODUCTION = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://ara:database-password@db:5432/ara',
  REDIS_URL: 'redis://:redis-password@redis:6379',
  STREAMS_REDIS_URL: 'rediss://:streams-password@redis:6380',
  JWT_SECRET: 'jwt-secret-of-at-least-thirty-two-bytes',
  SECRETS_KEY: `k2:${oneKey()},k1:${oneKey()}`,
  METRICS_TOKEN: 'metrics-token-of-ours',
}

const without = (...keys: (keyof typeof PRODUCTION)[]) =>
  Object.fromEntries(Object.entries(PRODUCTION).filter(([key]) => !keys.some((missing) => missing === key)))

describe('the configuration', () => {
  it('starts with nothing set, on loopback, with loopback webhooks and anonymous streams', () => {
    const config = readConfig({}, 'all')
    assert.equal(config.embedded, true)
    assert.deepEqual([config.server.host, config.server.port], ['127.0.0.1', 8000])
    assert.deepEqual(config.deliveries.allowCidrs, ['127.0.0.0/8', '::1/128'])
    assert.deepEqual(config.streams.anonymous, ['predictions', 'market-data', 'alerts'])
    assert.equal(config.demo.enabled, true)
  })

  it('opens nothing by itself once it has a database', () => {
    const config = readConfig({ DATABASE_URL: PRODUCTION.DATABASE_URL }, 'all')
    assert.deepEqual([config.embedded, config.server.host, config.demo.enabled], [false, '0.0.0.0', false])
    assert.deepEqual([config.deliveries.allowCidrs, config.streams.anonymous], [[], []])
  })

  it('reads what is set', () => {
    const config = readConfig(
      {
        ...PRODUCTION,
        PORT: '0',
        STREAMS_ANONYMOUS: ' alerts , predictions,',
        WEBHOOK_ALLOW_CIDRS: '10.1.0.0/16,fd12::/32',
      },
      'web',
    )
    assert.equal(config.production, true)
    assert.equal(config.server.port, 0)
    assert.deepEqual(config.streams.anonymous, ['alerts', 'predictions'])
    assert.deepEqual(config.deliveries.allowCidrs, ['10.1.0.0/16', 'fd12::/32'])
    assert.equal(config.secrets.streamsRedisUrl, PRODUCTION.STREAMS_REDIS_URL)
    assert.deepEqual(
      config.secrets.secretsKeys?.map(({ id, key }) => [id, key.length]),
      [
        ['k2', 32],
        ['k1', 32],
      ],
    )
    assert.deepEqual(readConfig({ JWT_PUBLIC_KEY: PEM }, 'all').identity.publicKey?.split('\n').length, 4)
  })

  it('takes an empty value for none and ignores variables of others', () => {
    assert.deepEqual(readConfig({ PORT: '', JWT_SECRET: '', HOME: '/root', PATH: 'x' }, 'all'), readConfig({}, 'all'))
  })

  it('cannot be changed', () => {
    const config = readConfig(PRODUCTION, 'all')
    for (const part of [config, config.server, config.streams.anonymous, config.secrets])
      assert.ok(Object.isFrozen(part))
  })

  const bad: [key: string, values: string[]][] = [
    ['NODE_ENV', ['prod', 'PRODUCTION']],
    ['PORT', ['65536', '-1', '80.5', '0x50', 'http', ' 80', '1e3']],
    ['DATABASE_URL', ['localhost:5432', 'mysql://localhost/ara', 'postgres']],
    ['DATABASE_POOL', ['0', '201']],
    ['REDIS_URL', ['localhost', 'http://localhost:6379', 'redis+sentinel://box', 'redis+cluster://box/0']],
    ['STREAMS_REDIS_URL', ['memcached://localhost']],
    ['JWT_SECRET', ['x'.repeat(31)]],
    ['JWT_PUBLIC_KEY', ['-----BEGIN PRIVATE KEY-----']],
    [
      'JWKS_URL',
      [
        ...['http://id.example/keys', 'ftp://localhost/keys', 'id.example/keys', 'http://127.0.0.1.id.example/keys'],
        ...['https://user:password@id.example/keys', 'http://localhost.id.example/keys', 'file:///etc/keys.json'],
      ],
    ],
    [
      'SECRETS_KEY',
      ['k1', oneKey(), `k1:${oneKey().slice(4)}`, `K1:${oneKey()}`, `k1:${oneKey()},`, `k1:${oneKey()},k1:${oneKey()}`],
    ],
    ['TRUSTED_PROXIES', ['11', 'true']],
    [
      'WEBHOOK_ALLOW_CIDRS',
      ['10.0.0.0', '10.0.0.0/33', '999.0.0.0/8', 'fd12::/129', 'example.com/8', '::g/8', '10.0.0.0/8;11.0.0.0/8'],
    ],
    ['RETENTION_DAYS', ['0', '1', '3651']],
    ['DELIVERY_TIMEOUT_MS', ['99', '30001']],
    ['DELIVERY_MAX_ATTEMPTS', ['0', '21']],
    ['STREAMS_ANONYMOUS', ['prices', 'alerts,all', '*']],
    [
      'STREAMS_ORIGINS',
      ['app.example', 'https://app.example/', 'https://*', '*', 'https://a.*.example', 'https://app.example/x'],
    ],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', ['collector:4318', 'grpc://collector:4317', 'https://user:password@collector']],
    ['METRICS_TOKEN', ['short']],
    ['BOARD_READ_ONLY', ['yes', 'TRUE']],
    ['CRASH_AT', ['after_lunch', 'after_commit:0', 'after_commit:x']],
    ['DEMO_FEED', ['off']],
    ['LOG_LEVEL', ['verbose']],
  ]
  for (const [key, values] of bad) {
    it(`refuses a bad ${key} by name and does not repeat its value`, () => {
      for (const value of values) {
        const lines = complaints({ [key]: value })
        assert.ok(lines.length > 0, `accepted ${value}`)
        for (const line of lines) assert.match(line, new RegExp(`^${key}(\\.\\d+)?: .`))
        if (value.length > 20) assert.ok(!lines.join().includes(value))
      }
    })
  }

  it('names every bad variable in one error', () => {
    const lines = complaints({
      ...Object.fromEntries(bad.map(([key, [value]]) => [key, value])),
      NODE_ENV: 'production',
    })
    const named = new Set(lines.map((line) => line.split(/[.:,]/)[0]))
    for (const [key] of bad) assert.ok(key === 'NODE_ENV' || named.has(key), `${key} is not named`)
    assert.equal(new Set(lines).size, lines.length)
  })

  it('names what is missing beside what is bad', () => {
    const lines = complaints({ NODE_ENV: 'production', PORT: 'x' }, 'web')
    for (const key of ['PORT', 'DATABASE_URL', 'SECRETS_KEY', 'JWT_SECRET', 'REDIS_URL']) {
      assert.ok(
        lines.some((line) => line.startsWith(`${key}: `)),
        key,
      )
    }
  })

  it('refuses production without a database, a key for secrets and one for tokens', () => {
    assert.deepEqual(complaints(PRODUCTION), [])
    for (const key of ['DATABASE_URL', 'SECRETS_KEY', 'JWT_SECRET'] as const) {
      assert.match(complaints(without(key)).join('\n'), new RegExp(`^${key}: .*required when NODE_ENV is production$`))
    }
    assert.deepEqual(complaints({ ...without('JWT_SECRET'), JWT_PUBLIC_KEY: PEM }), [])
    for (const url of [
      'https://id.example/keys?x=1',
      'http://localhost:1/',
      'http://127.0.0.1:1/',
      'http://[::1]:1/',
    ]) {
      assert.deepEqual(complaints({ ...without('JWT_SECRET'), JWKS_URL: url }), [])
    }
  })

  it('names each thing that is missing once, whatever needs it', () => {
    assert.deepEqual(complaints({ NODE_ENV: 'production' }, 'web'), [
      'DATABASE_URL: is required when NODE_ENV is production',
      'REDIS_URL: web as a process of its own needs it',
      'JWT_SECRET: one of JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL is required when NODE_ENV is production',
      'SECRETS_KEY: is required when NODE_ENV is production',
    ])
  })

  it('refuses to end at a crash point in production', () => {
    const crashing = { ...PRODUCTION, CRASH_AT: 'after_commit:2' }
    assert.deepEqual(complaints(crashing), ['CRASH_AT: is for tests, never when NODE_ENV is production'])
    const { crashAt } = readConfig({ ...crashing, NODE_ENV: 'test' }, 'web')
    assert.deepEqual(crashAt, { point: 'after_commit', pass: 2, text: undefined })
  })

  it('refuses a watchdog that would end a worker for waiting on receivers', () => {
    const impatient = { DELIVERY_TIMEOUT_MS: '10000', WATCHDOG_SECONDS: '10' }
    assert.deepEqual(complaints(impatient), ['WATCHDOG_SECONDS: must be longer than DELIVERY_TIMEOUT_MS'])
    assert.deepEqual(complaints({ ...impatient, WATCHDOG_SECONDS: '11' }), [])
  })

  it('refuses two kinds of keys for tokens', () => {
    assert.match(complaints({ ...PRODUCTION, JWT_PUBLIC_KEY: PEM }).join(), /^JWT_SECRET, JWT_PUBLIC_KEY: .*only one/)
    const published = { ...without('JWT_SECRET'), JWT_PUBLIC_KEY: PEM, JWKS_URL: 'https://id.example/keys' }
    assert.match(complaints(published).join(), /^JWT_PUBLIC_KEY, JWKS_URL: .*only one/)
  })

  const roles: [role: Role, needed: (keyof typeof PRODUCTION)[]][] = [
    ['all', []],
    ['release', ['DATABASE_URL']],
    ['web', ['DATABASE_URL', 'REDIS_URL', 'JWT_SECRET', 'SECRETS_KEY']],
    ['worker', ['DATABASE_URL', 'REDIS_URL', 'JWT_SECRET', 'SECRETS_KEY']],
  ]
  for (const [role, needed] of roles) {
    it(`needs ${needed.join(', ') || 'nothing'} for ${role} outside of production`, () => {
      assert.deepEqual(complaints({ ...PRODUCTION, NODE_ENV: 'development' }, role), [])
      const lines = complaints({}, role)
      assert.deepEqual(lines.map((line) => line.split(':')[0]).sort(), [...needed].sort())
    })
  }

  it('never shows its secrets, nor those found later', () => {
    const config = readConfig(PRODUCTION, 'web')
    const found = withSecrets(readConfig({}, 'all'), {
      jwtSecret: 'a-found-secret',
      databaseUrl: PRODUCTION.DATABASE_URL,
    })
    assert.equal(found.secrets.jwtSecret, 'a-found-secret')
    const keys = [...(config.secrets.secretsKeys ?? [])].flatMap(({ key }) => [
      key.toString('base64'),
      key.toString('hex'),
    ])
    const hidden = ['password', PRODUCTION.JWT_SECRET, PRODUCTION.METRICS_TOKEN, 'a-found-secret', ...keys]
    for (const shown of [config, found].flatMap((one) => [
      JSON.stringify(one),
      JSON.stringify({ ...one }),
      inspect(one, { depth: 10 }),
      inspect([one.secrets]),
      `${JSON.stringify(one.secrets)} ${one.secrets}`,
    ])) {
      for (const secret of hidden) assert.ok(!shown.includes(secret), `${secret} in ${shown}`)
      assert.ok(!/<Buffer/.test(shown))
    }
    assert.match(JSON.stringify(config), /"secrets":"\[secret\]"/)
  })
})

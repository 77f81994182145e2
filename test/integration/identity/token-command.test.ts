import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import jwt from 'jsonwebtoken'
import { ensureEmbeddedSecrets } from '../../../src/embedded/secrets.ts'
import { JWT_SECRET } from '../../support/web-system.ts'

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

type Misuse = [args: string[], reason: RegExp, settings?: Record<string, string>]

/** A dozen processes start at once, each compiling what it runs. */
const SLOW_START_MS = 240_000

describe('the command that makes a token', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ara-token-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  function run(command: string, args: string[], settings: Record<string, string> = { JWT_SECRET }): Promise<Ended> {
    const { PATH = '', HOME = '' } = process.env
    const child = spawn(command, args, { env: { PATH, HOME, DATA_DIR: folder, ...settings } })
    const ended: Ended = { code: null, stdout: '', stderr: '' }
    child.stdout.on('data', (text) => {
      ended.stdout += text
    })
    child.stderr.on('data', (text) => {
      ended.stderr += text
    })
    return new Promise((resolve) => child.once('close', (code) => resolve({ ...ended, code })))
  }
  const token = (args: string[], settings?: Record<string, string>) =>
    run(process.execPath, ['--import', 'tsx', 'src/token.ts', ...args], settings)

  it('prints one token and nothing else', async () => {
    const args = ['--sub', 'alice', '--role', 'user', '--tier', 'pro', '--ttl', '24h']
    const { code, stdout } = await run('npm', ['run', '--silent', 'token', '--', ...args])
    assert.equal(code, 0)
    assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    const { iat = 0, exp = 0, ...claims } = jwt.verify(stdout.trim(), JWT_SECRET) as jwt.JwtPayload
    assert.deepEqual(claims, { sub: 'alice', role: 'user', tier: 'pro' })
    assert.equal(exp - iat, 86_400)
  })

  it('has defaults, and signs what verifiers are told to check', async () => {
    const settings = { JWT_SECRET, JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'ara' }
    const { stdout } = await token(['--sub', 'bob', '--email', 'bob@example.com', '--ttl', '90s'], settings)
    const { iat = 0, exp = 0, ...claims } = jwt.verify(stdout.trim(), JWT_SECRET) as jwt.JwtPayload
    assert.equal(exp - iat, 90)
    const identity = { iss: 'https://issuer.example', aud: 'ara', sub: 'bob', role: 'user', tier: 'free' }
    assert.deepEqual(claims, { ...identity, email: 'bob@example.com' })
  })

  it('signs with the secret of the data directory where none is set', async () => {
    const { jwtSecret } = await ensureEmbeddedSecrets(folder)
    const { code, stdout } = await token(['--sub', 'carol'], {})
    assert.equal(code, 0)
    assert.equal((jwt.verify(stdout.trim(), jwtSecret) as jwt.JwtPayload).sub, 'carol')
  })

  it('prints nothing but a reason when it cannot', async () => {
    const misused: Misuse[] = [
      [[], /--sub is required/],
      [['--sub', ''], /--sub must be a text of 1 to 255 characters/],
      [['--sub', 'x'.repeat(256)], /--sub must be a text of 1 to 255 characters/],
      [['--sub', 'a', '--role', 'root'], /--role must be one of readonly, user, producer, admin/],
      [['--sub', 'a', '--tier', 'gold'], /--tier must be one of free, pro, enterprise/],
      [['--sub', 'a', '--ttl', '1 day'], /--ttl must be like/],
      [['--sub', 'a', '--ttl', '0s'], /--ttl must be like/],
      [['--sub', 'a', '--name', 'b'], /--name/],
      [['alice'], /alice/],
    ]
    const failing: Misuse[] = [
      [['--sub', 'a'], /JWT_SECRET: must be at least 32 bytes/, { JWT_SECRET: 'short' }],
      [['--sub', 'a'], /JWKS_URL is set/, { JWT_SECRET: '', JWKS_URL: 'https://id.example/keys' }],
      [['--sub', 'a'], /./, { DATA_DIR: join(folder, 'nothing') }],
    ]
    const runs = [...misused, ...failing]
    const ended = await Promise.all(runs.map(([args, , settings]) => token(args, settings)))
    for (const [index, [args, reason]] of runs.entries()) {
      const { code, stdout, stderr } = ended[index] as Ended
      const isMisuse = index < misused.length
      assert.deepEqual([code, stdout], [isMisuse ? 2 : 1, ''], args.join(' '))
      assert.match(stderr, reason)
      assert.equal(/Try ara-events token --help\.\n$/.test(stderr), isMisuse)
      assert.doesNotMatch(stderr, /^\s+at /m)
    }
  }).timeout(SLOW_START_MS)

  it('says how it is used', async () => {
    const { code, stdout, stderr } = await token(['--help'])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /--sub .*--role .*--tier .*--ttl /s)
  })
})

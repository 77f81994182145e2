import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { ENVIRONMENT_KEYS } from '../../src/environment.ts'

const ROOT = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const UNITS = readdirSync(new URL('deploy/systemd/', ROOT)).map((file) => `deploy/systemd/${file}`)
/** What the files set for other programs. */
const OTHERS = ['POSTGRES_USER', 'POSTGRES_DB', 'POSTGRES_PASSWORD']

describe('the files for a deployment', () => {
  it('set only variables that are read', () => {
    const compose = [...read('deploy/compose.yaml').matchAll(/^ +([A-Z][A-Z_]+): /gm)]
    const kubernetes = [...read('deploy/kubernetes.yaml').matchAll(/name: ([A-Z][A-Z_]+), value/g)]
    const docker = [...read('Dockerfile').matchAll(/(?<=^ENV .*)([A-Z_]+)=/gm)]
    for (const found of [compose, kubernetes, docker]) assert.ok(found.length > 1)
    for (const [, name = ''] of [...compose, ...kubernetes, ...docker])
      assert.ok(ENVIRONMENT_KEYS.includes(name) || OTHERS.includes(name), name)
  })

  it('start what the Procfile starts', () => {
    const commands = [...read('Procfile').matchAll(/^\w+: exec (.+)$/gm)].map(([, command = '']) => command)
    assert.equal(commands.length, 3)
    const programs = commands.map((command) => command.split(' ').at(-1) ?? '')
    const started = UNITS.map((unit) => /^ExecStart=\/usr\/bin\/(.+)$/m.exec(read(unit))?.[1])
    assert.deepEqual(started.sort(), commands.sort())
    for (const file of ['deploy/kubernetes.yaml', 'deploy/compose.yaml', 'Dockerfile'])
      for (const [, program = ''] of read(file).matchAll(/"(dist\/[^"]+)"/g))
        assert.ok(programs.includes(program), `${file}: ${program}`)
    for (const program of programs) {
      const source = program.replace(/^dist\//, '').replace(/\.js$/, '.ts')
      assert.ok(existsSync(new URL(source, ROOT)), source)
    }
  })

  it('leave a stopping process more time than it takes', () => {
    const [usual = 0] = [...read('.env.example').matchAll(/^# SHUTDOWN_SECONDS=(\d+)$/gm)].map(([, text]) =>
      Number(text),
    )
    const times = [
      ...UNITS.flatMap((unit) => [...read(unit).matchAll(/TimeoutStopSec=(\d+)/g)]),
      ...read('deploy/compose.yaml').matchAll(/stop_grace_period: (\d+)s/g),
      ...read('deploy/kubernetes.yaml').matchAll(/terminationGracePeriodSeconds: (\d+)/g),
    ].map(([, text]) => Number(text))
    assert.equal(times.length, 5)
    for (const seconds of times) assert.ok(seconds >= usual + 5, String(seconds))
  })

  it('alert on metrics that there are', () => {
    const page = read('docs/operations/README.md')
    const metrics = new Set([...page.matchAll(/^\| `(ara_[a-z0-9_]+)`/gm)].map(([, name = '']) => name))
    const expressions = [...read('deploy/prometheus/alerts.yaml').matchAll(/expr: (.+)$/gm)].map(
      ([, text = '']) => text,
    )
    assert.ok(expressions.length > 5)
    for (const expression of expressions) {
      const names = expression.match(/\bara_[a-z0-9_]+/g) ?? expression.match(/\bnodejs_[a-z0-9_]+/g) ?? []
      assert.ok(names.length > 0, expression)
      for (const name of names)
        assert.ok(metrics.has(name.replace(/_(bucket|count|sum)$/, '')) || page.includes(`\`${name}\``), name)
    }
  })

  it('keep secrets and what was installed here out of the image, and root out of its processes', () => {
    const lines = read('.dockerignore').trim().split('\n')
    for (const line of ['.git', '.env*', '**/node_modules', '**/dist']) assert.ok(lines.includes(line), line)
    assert.match(read('Dockerfile'), /^USER node$/m)
    assert.match(read('Dockerfile'), /npm ci --omit=dev --omit=optional/)
    assert.match(read('Dockerfile'), /^HEALTHCHECK /m)
  })
})

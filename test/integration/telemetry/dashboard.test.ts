import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { startWebSystem } from '../../support/web-system.ts'

interface Panel {
  title: string
  type: string
  targets?: { expr: string }[]
}

const read = (name: string) => readFileSync(new URL(`../../../docs/operations/${name}`, import.meta.url), 'utf8')
const METRICS_TOKEN = 'metrics-token-of-the-tests'
const NAME = /\b(?:ara|nodejs|process)_[a-z0-9_]+/g

describe('what operators see', () => {
  /** Names and types as `/metrics` of a process with both parts tells them. */
  let types: Map<string, string>

  before(async () => {
    const system = await startWebSystem({ METRICS_TOKEN }, { work: true })
    try {
      const { text } = await system.call('GET', '/metrics', { token: METRICS_TOKEN })
      types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]))
    } finally {
      await system.stop()
    }
  })

  /** What a query may name: of a histogram its series. */
  const series = () =>
    new Set(
      [...types].flatMap(([name, type]) =>
        type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name],
      ),
    )
  const own = () => [...types.keys()].filter((name) => name.startsWith('ara_'))

  it('on the dashboard are metrics that there are, and every one of ours', () => {
    const { panels }: { panels: Panel[] } = JSON.parse(read('grafana-dashboard.json'))
    const named = new Set<string>()
    for (const { title, type, targets = [] } of panels) {
      if (type !== 'row') assert.ok(targets.length > 0, title)
      for (const { expr } of targets) {
        const names = expr.match(NAME) ?? []
        assert.ok(names.length > 0, expr)
        for (const name of names) assert.ok(series().has(name), `${title}: ${name}`)
        for (const name of names) named.add(name.replace(/_(bucket|sum|count)$/, ''))
      }
    }
    assert.deepEqual(
      own().filter((name) => !named.has(name)),
      [],
    )
  })

  it('in the documentation are all metrics of ours with their types, and no others', () => {
    const listed = [...read('README.md').matchAll(/^\| `(ara_[a-z0-9_]+)` \| (\w+) \|/gm)]
    assert.deepEqual(
      listed.map(([, name, type]) => [name, type]).sort(),
      own()
        .map((name) => [name, types.get(name)])
        .sort(),
    )
  })
})

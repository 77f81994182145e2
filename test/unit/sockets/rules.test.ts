import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
const headings = (page: string) => [...read(`docs/websocket/${page}`).matchAll(/^## (.+)$/gm)].map(([, text]) => text)

describe('the table of the rules of the streams', () => {
  const rows = [...read('docs/websocket/rules.md').matchAll(/^\| (?!rule |---)(.+?) \| `(test\/\S+\.ts)`: (.+) \|$/gm)]

  it('has rows for each part of what is documented', () => {
    const documented = [...headings('README.md'), 'Server-Sent Events']
    assert.deepEqual(headings('rules.md'), documented)
    const parts = read('docs/websocket/rules.md').split(/^## /m).slice(1)
    for (const part of parts) assert.ok(part.includes('| `test/'), part.slice(0, 40))
  })

  it('has no row that is not read here', () => {
    const lines = read('docs/websocket/rules.md').split('\n')
    assert.equal(lines.filter((line) => line.startsWith('| ') && !/^\| (rule|---) /.test(line)).length, rows.length)
    assert.ok(rows.length > 60)
  })

  it('names tests that there are', () => {
    for (const [, rule, file = '', title = ''] of rows) {
      const titles = [
        ...read(file).matchAll(/^\s*it\((["'`])(.+?)\1,/gm),
        ...read(file).matchAll(/^\s*it\(\s*(["'`])(.+?)\1,$/gm),
      ]
      const found = titles.some(([, , text = '']) => text.replaceAll("\\'", "'") === title)
      assert.ok(found, `${rule}: ${file} has no test "${title}"`)
    }
  })
})

import { createLoneAttempts } from '../../workers/lone-attempts.ts'
import type { Opening } from '../../workers/lone-messages.ts'

/* A worker that begins a lone attempt and dies so many milliseconds later: `dying-worker.ts <after ms> <claim> <opening>`. */

const [afterMs = '0', claim = '{}', text = '{}'] = process.argv.slice(2)
const opening: Opening = JSON.parse(text)
const keys = opening.keys.map(({ id, key }) => ({ id, key: Buffer.from(key) }))
const ignore = () => undefined
const lone = createLoneAttempts({
  opening: { ...opening, keys },
  onGone: async () => undefined,
  onAttempt: ignore,
  onError: ignore,
})
lone.make(JSON.parse(claim), new AbortController().signal).catch(ignore)
setTimeout(() => process.kill(process.pid, 'SIGKILL'), Number(afterMs))

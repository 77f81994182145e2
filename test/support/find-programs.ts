import { findRedisServer } from './redis.ts'
import { findChromium, findPython } from './sample-runtimes.ts'

/* Installs what CI lacks. Elsewhere whoever runs one file needs no more than it, and is told by the test that needs more. */

if (process.env['CI'] === 'true') {
  await findRedisServer()
  findPython()
  findChromium()
}

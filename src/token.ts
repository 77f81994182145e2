import { runCommand } from './cli/run-command.ts'
import { token } from './cli/token.ts'

/** `npm run token`, which needs no build. */
await runCommand(token, process.argv.slice(2))

import { spawn } from 'node:child_process'
import { type Program, startProgram } from './program.ts'

/** How a run of `ara-events` ended. */
export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

const MAIN = 'dist/src/cli/main.js'

/** Runs the built command line to its end. Needs `npm run build` before. */
export function runCommandLine(args: readonly string[], env: NodeJS.ProcessEnv, input = ''): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...only(env), NO_COLOR: '1' } })
  const ended: Ended = { code: null, stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text) => {
    ended.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    ended.stderr += text
  })
  // One that ends without reading is what some tests are about.
  child.stdin.on('error', () => undefined).end(input)
  return new Promise((resolve) => child.once('close', (code) => resolve({ ...ended, code })))
}

/** Starts one that runs until it is stopped. */
export function startCommandLine(args: readonly string[], env: NodeJS.ProcessEnv): Program {
  return startProgram(process.execPath, [MAIN, ...args], { env: { ...only(env), NO_COLOR: '1' } })
}

/** What the tests were started with is none of its business. */
function only(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env
  return { PATH, HOME, ...env }
}

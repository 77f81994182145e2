import { runProgram } from '../../test/support/program.ts'
import { howToInstall, onPath } from '../../test/support/sample-runtimes.ts'

export interface Load {
  requestsPerSecond: number
  errors: number
  p50Ms: number
  p99Ms: number
}

/** Posts for some seconds over 64 connections with wrk, which costs the least of what can be installed. */
export async function post(
  url: string,
  options: { token: string; body: string; keyed: boolean; seconds: number },
): Promise<Load> {
  if (onPath('wrk') === undefined) {
    const how = {
      apt: 'apt-get install -y wrk',
      dnf: 'dnf install -y wrk',
      apk: 'apk add wrk',
      macOS: 'brew install wrk',
    }
    throw new Error(`This needs wrk. ${howToInstall(how)}`)
  }
  const env = {
    ...process.env,
    BENCH_TOKEN: options.token,
    BENCH_BODY: options.body,
    BENCH_KEYED: options.keyed ? '1' : '0',
  }
  const args = ['-t1', '-c64', `-d${options.seconds}s`, '-s', 'bench/support/post.lua', url]
  const printed = await runProgram('wrk', args, { env })
  const [, rate = '', errors = '', p50 = '', p99 = ''] = /RESULT (\S+) (\S+) (\S+) (\S+)/.exec(printed) ?? []
  return { requestsPerSecond: Number(rate), errors: Number(errors), p50Ms: Number(p50), p99Ms: Number(p99) }
}

import { existsSync, readFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import type { Client } from './client.ts'
import type { Contender, Running } from './contenders.ts'
import { type Figures, SCENARIOS } from './scenarios.ts'

/** One scenario of one server in one round. */
export interface Row {
  contender: string
  name: string
  scenario: string
  /** Why there are no figures. */
  failed?: string
  figures: Figures
}

/** Every server in turn, then again: what the machine does besides meets all of them. */
export async function runRounds(options: {
  client: Client
  contenders: Record<string, Contender>
  scenarios: readonly string[]
  rounds: number
  seconds: number
  /** No round begins after it. */
  until: number
  /** Rows are kept there as they come. */
  file: string | undefined
}): Promise<Row[]> {
  const rows = options.file === undefined ? [] : readRows(options.file)
  for (let round = 1; round <= options.rounds && performance.now() < options.until; round += 1) {
    for (const [key, contender] of Object.entries(options.contenders)) {
      const began = performance.now()
      for await (const row of measureAll(options, key, contender)) {
        rows.push(row)
        if (options.file !== undefined) await appendFile(options.file, `${JSON.stringify(row)}\n`)
      }
      const seconds = Math.round((performance.now() - began) / 1000)
      process.stderr.write(`round ${round}/${options.rounds}: ${contender.name}, ${seconds} s\n`)
    }
  }
  return rows
}

function readRows(file: string): Row[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

/** One start of a server serves the scenarios until one overloads it: what waits in it then would spoil the next. */
async function* measureAll(
  { client, scenarios, seconds }: { client: Client; scenarios: readonly string[]; seconds: number },
  key: string,
  contender: Contender,
): AsyncGenerator<Row> {
  let server: Running | undefined
  try {
    for (const scenario of scenarios) {
      server ??= await contender.start()
      const row: Row = { contender: key, name: contender.name, scenario, figures: {} }
      try {
        row.figures = (await SCENARIOS[scenario]?.measure(client, server, seconds)) ?? {}
      } catch (error) {
        row.failed = String(error)
        process.stderr.write(`${contender.name}, ${scenario}: ${row.failed}\n`)
        await client.close()
      }
      if (row.failed !== undefined || isOverloaded(row.figures)) {
        await server.stop()
        server = undefined
      }
      yield row
    }
  } finally {
    await server?.stop()
  }
}

function isOverloaded({ share = 1, stalledShare = 1 }: Figures): boolean {
  return share < 1 || stalledShare < 1
}

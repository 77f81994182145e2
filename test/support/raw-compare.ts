import assert from 'node:assert/strict'
import type { BridgeAndNode } from './bridge-and-node.ts'
import { type Dialogue, type Manner, speak } from './raw-http.ts'

/** What two servers may say each in its own way. */
const NOT_COMPARED = new Set(['date', 'connection', 'keep-alive', 'uwebsockets'])
const SHOWN = 400

type Aspects = Record<string, string>

/** A known difference: the aspects of the two answers that are not the same, and why that may stay. */
export interface Difference {
  case: string
  ours: Aspects
  node: Aspects
  reason: string
}

export interface Case {
  name: string
  pieces: readonly (string | Buffer)[]
  manner?: Manner
}

/**
 * Has a case answered by both servers. What differs must be what the table says: a difference that is not listed fails, and
 * so does one that is listed and gone.
 */
export async function compare(both: BridgeAndNode, { name, pieces, manner }: Case, known: readonly Difference[]) {
  const [ours, node] = await Promise.all([both.bridge, both.node].map((port) => speak(port, pieces, manner)))
  if (!ours || !node) throw new Error('Unreachable')
  const expected = known.find((one) => one.case === name)
  assert.deepEqual(differences(ours, node), { ours: expected?.ours ?? {}, node: expected?.node ?? {} })
}

/** Fails when the table speaks of a case that is not there. */
export function checkTable(cases: readonly { name: string }[], known: readonly Difference[]): void {
  const names = new Set(cases.map((one) => one.name))
  assert.deepEqual(
    known.map((one) => one.case).filter((name) => !names.has(name)),
    [],
  )
}

function differences(ours: Dialogue, node: Dialogue): Pick<Difference, 'ours' | 'node'> {
  const [left, right] = [aspectsOf(ours), aspectsOf(node)]
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].filter((name) => left[name] !== right[name])
  const pick = (from: Aspects) =>
    Object.fromEntries(names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]])))
  return { ours: pick(left), node: pick(right) }
}

/** `status`, `body` and headers by name, for the second answer `2.status` and so on. */
function aspectsOf({ answers, connection, rest }: Dialogue): Aspects {
  const aspects: Aspects = { connection: connection === 'kept' ? 'kept' : 'closed' }
  if (rest.length > 0) aspects['rest'] = rest.toString('latin1')
  for (const [index, answer] of answers.entries()) {
    const prefix = index === 0 ? '' : `${index + 1}.`
    aspects[`${prefix}status`] = `${answer.status} ${answer.reason}`
    aspects[`${prefix}body`] = shown(answer.body)
    if (!answer.complete) aspects[`${prefix}complete`] = 'no'
    for (const name of new Set(answer.headers.map(([given]) => given))) {
      if (NOT_COMPARED.has(name)) continue
      const values = answer.headers.filter(([given]) => given === name).map(([, value]) => value)
      aspects[prefix + name] = values.join(' | ')
    }
  }
  return aspects
}

function shown(body: Buffer): string {
  const text = body.toString('latin1')
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}… of ${text.length}`
}

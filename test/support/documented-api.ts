import assert from 'node:assert/strict'
import { publicId, uuidv7 } from '../../src/ids.ts'
import { templateOf } from '../../src/openapi/document.ts'
import { contractOf, type DocumentedOperation, type OpenApi } from './openapi-contract.ts'
import type { Things } from './route-matrix.ts'
import type { Answer, WebSystem } from './web-system.ts'

/** What a running system says of itself, to be called and checked by the names of its routes: `GET /api/v1/events/:id`. */
export interface DocumentedApi {
  document: OpenApi
  contract: ReturnType<typeof contractOf>
  operation(name: string): DocumentedOperation
  /** Where to call it: with these ids, and with the query of its examples. */
  address(name: string, things: Things): string
  check(name: string, answer: Answer): void
}

export async function readDocument(system: WebSystem): Promise<DocumentedApi> {
  const document: OpenApi = (await system.call('GET', '/openapi.json')).body
  const contract = contractOf(document)

  function operation(name: string): DocumentedOperation {
    const { method, path } = partsOf(name)
    return document.paths[templateOf(path)]?.[method] ?? assert.fail(`${name} is not documented`)
  }

  return {
    document,
    contract,
    operation,
    address: (name, things) => addressOf(partsOf(name).path, things, operation(name)),
    check(name, answer) {
      const { method, path } = partsOf(name)
      contract.answers(templateOf(path), method, answer)
    },
  }
}

function partsOf(name: string): { method: string; path: string } {
  const [method = '', path = ''] = name.split(' ')
  return { method: method.toLowerCase(), path }
}

/** The path with real ids in the place of its examples, which name nothing; the rest is sent as documented. */
function addressOf(path: string, things: Things, { parameters }: DocumentedOperation): string {
  const own: [RegExp, string][] = [
    [/^wh_/, things.webhook],
    [/^dlv_/, things.delivery],
    [/^evt_/, things.event],
    [/^key_/, things.key],
    [/^rcv_/, things.recovery],
  ]
  const realOf = (example: unknown) => own.find(([prefix]) => prefix.test(String(example)))?.[1] ?? String(example)
  let address = path
  const query = new URLSearchParams()
  for (const parameter of parameters) {
    if (parameter.in === 'path') address = address.replace(`:${parameter.name}`, realOf(parameter.example))
    if (parameter.in === 'query' && parameter.example !== undefined)
      query.set(parameter.name, realOf(parameter.example))
  }
  return query.size === 0 ? address : `${address}?${query}`
}

/** Ids of nothing. */
export function missingThings(): Things {
  const id = (prefix: 'wh' | 'dlv' | 'evt' | 'key' | 'rcv') => publicId(prefix, uuidv7())
  return { webhook: id('wh'), delivery: id('dlv'), event: id('evt'), key: id('key'), recovery: id('rcv') }
}

export function operations(document: OpenApi): { path: string; method: string; operation: DocumentedOperation }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
}

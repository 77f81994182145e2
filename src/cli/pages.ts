import type { Sent, Server } from './server.ts'

const PAGE = 100

/**
 * The first `most` rows of a list, over as many pages as it takes.
 * @returns the rows under the name they have in the answer, and where the rest goes on
 */
export async function readPages<Row>(
  server: Server,
  path: string,
  options: { name: string; most: number; query?: Sent['query'] },
): Promise<{ rows: Row[]; next_cursor: string | null }> {
  const rows: Row[] = []
  let cursor: string | null = null
  do {
    const limit = Math.min(PAGE, options.most - rows.length)
    const query = { ...options.query, limit, ...(cursor === null ? {} : { cursor }) }
    const page: Record<string, unknown> = await readPage(server, path, query, cursor !== null)
    rows.push(...(page[options.name] as Row[]))
    cursor = page['next_cursor'] as string | null
  } while (cursor !== null && rows.length < options.most)
  return { rows, next_cursor: cursor }
}

/** Within a long list the rate limit is waited for: from its beginning it would be met again. */
async function readPage(server: Server, path: string, query: Sent['query'], isFurther: boolean) {
  const sent = query === undefined ? {} : { query }
  if (!isFurther) return server.call<Record<string, unknown>>('GET', path, sent)
  return (await server.insist<Record<string, unknown>>('GET', path, sent, () => undefined)).body
}

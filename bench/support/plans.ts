import type { Database, Sql, Statement } from '../../src/db/database.ts'

/** A database that remembers the last of each statement that went through it. */
export interface Recorder extends Database {
  statements(): Statement[]
}

export function recordStatements(db: Database): Recorder {
  const seen = new Map<string, Statement>()
  const through = (sql: Sql): Sql => ({
    query(statement) {
      seen.set(statement.name ?? statement.text, statement)
      return sql.query(statement)
    },
  })
  return {
    ...through(db),
    transaction: (work) => db.transaction((sql) => work(through(sql))),
    close: () => db.close(),
    statements: () => [...seen.values()],
  }
}

/** The plans of statements in Markdown, as PostgreSQL prints them; nothing is run. */
export async function explained(db: Database, statements: readonly Statement[]): Promise<string> {
  const parts: string[] = []
  for (const { name, text, values = [] } of statements) {
    const rows = await db.query<{ 'QUERY PLAN': string }>({ text: `EXPLAIN (COSTS OFF) ${text}`, values })
    const title = name ?? text.replaceAll(/\s+/g, ' ').slice(0, 100)
    parts.push(`## ${title}\n\n\`\`\`\n${rows.map((row) => row['QUERY PLAN']).join('\n')}\n\`\`\`\n`)
  }
  return parts.join('\n')
}

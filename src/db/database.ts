import { Pool, type PoolClient, types } from 'pg'
import { unavailable } from '../errors.ts'

/** One statement. `name` makes it a prepared statement of the connection. */
export interface Statement {
  text: string
  values?: readonly unknown[]
  name?: string
}

export interface Sql {
  query<Row>(statement: Statement): Promise<Row[]>
}

export interface Database extends Sql {
  /** Commits what `work` did, or rolls it back when it throws. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/**
 * Every statement here is made for an index. Plans are kept, and one made while a table was empty or its statistics were a
 * minute old would read it all. Bitmap scans never mark the index entries of rows that are gone: those of `due`, where a row lives
 * for milliseconds, they would go through again and again until the next vacuum.
 */
const SESSION = '-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off'

/** Statements that name a day are prepared anew each day; with its connection all that are past are forgotten. */
const LIFETIME_SECONDS = 6 * 3600
const CONNECT_MS = 2_000
const QUERY_MS = 5_000
const CLOSE_MS = 2_000

// bigint counters fit a double for as long as anybody will count.
types.setTypeParser(types.builtins.INT8, Number)

export function openDatabase(options: {
  url: string
  pool: number
  name: string
  onError: (error: Error) => void
}): Database {
  const pool = new Pool({
    connectionString: options.url,
    max: options.pool,
    maxLifetimeSeconds: LIFETIME_SECONDS,
    application_name: options.name,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    statement_timeout: QUERY_MS,
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    options: SESSION,
  })
  pool.on('error', options.onError)
  // One that is lost as it is handed out has no other listener yet, and would end the process; its first statement fails.
  pool.on('connect', (client) => client.on('error', () => undefined))
  const untilGone = countConnections(pool)
  return {
    query: (statement) => pool.query(toQuery(statement)).then((result) => result.rows, rethrow),
    transaction: (work) => inTransaction(pool, work),
    async close() {
      await pool.end()
      await untilGone()
    },
  }
}

/** `pool.end()` resolves before its connections are closed; a server that is stopped next would complain to them. */
function countConnections(pool: Pool): () => Promise<void> {
  let open = 0
  let onGone: () => void = () => undefined
  pool.on('connect', () => {
    open += 1
  })
  pool.on('remove', () => {
    open -= 1
    if (open === 0) onGone()
  })
  return () =>
    new Promise((resolve) => {
      if (open === 0) return resolve()
      onGone = resolve
      setTimeout(resolve, CLOSE_MS).unref()
    })
}

async function inTransaction<T>(pool: Pool, work: (sql: Sql) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch(rethrow)
  let broken: Error | undefined
  const lost = (error: Error) => {
    broken = error
  }
  client.on('error', lost)
  try {
    await client.query('BEGIN')
    const result = await work(session(client))
    await client.query('COMMIT')
    return result
  } catch (error) {
    // A statement that was given up on still runs: such a session is dropped, not rolled back behind it.
    if (isReadTimeout(error)) broken = error
    else await client.query('ROLLBACK').catch(lost)
    return rethrow(error)
  } finally {
    client.off('error', lost)
    client.release(broken)
  }
}

function session(client: PoolClient): Sql {
  return { query: (statement) => client.query(toQuery(statement)).then((result) => result.rows) }
}

function toQuery(statement: Statement) {
  return {
    text: statement.text,
    ...(statement.name === undefined ? {} : { name: statement.name }),
    values: statement.values === undefined ? [] : [...statement.values],
  }
}

/** SQLSTATE classes that say "not now" rather than "not like this": connection, resources, operator, system. */
const AWAY = /^(08|53|57|58|25006)/

/** Somebody else's transaction held a row for longer than `lock_timeout`: says nothing about the store. */
export const LOCK_NOT_AVAILABLE = '55P03'

export const UNDEFINED_TABLE = '42P01'

/** The SQLSTATE of a driver's error, or of the error it caused. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)) return error.code
  return sqlState(error.cause)
}

/** True when PostgreSQL could not be reached, was too slow or is shutting down. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  if (AWAY.test(code) || code === LOCK_NOT_AVAILABLE || /^E[A-Z]+$/.test(code)) return true
  return /timeout|terminated|not queryable|Connection ended|connection error/i.test(error.message)
}

function isReadTimeout(error: unknown): error is Error {
  return error instanceof Error && /read timeout/i.test(error.message)
}

function rethrow(error: unknown): never {
  if (isAway(error)) throw unavailable('The database is not available. Nothing was stored.', 2, error)
  throw error
}

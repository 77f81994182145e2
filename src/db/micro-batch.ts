import DataLoader from 'dataloader'
import { isAway, LOCK_NOT_AVAILABLE, sqlState } from './database.ts'

/**
 * Joins calls that come within a few milliseconds into one statement or transaction.
 *
 * Invariant: a call fails only for its own reasons or because the store is away. When a batch is rejected for what one of
 * its items holds, it is run again by halves until the guilty item stands alone. When the store is away, or a COMMIT was not
 * answered, nobody knows what was stored: then every caller of the batch gets that error and nothing is run again.
 */
export type MicroBatch<Item, Result> = (item: Item) => Promise<Result>

export function microBatch<Item, Result>(options: {
  /** Answers one result (or Error) per item, in the order of the items. */
  run: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>
  windowMs: number
  maxSize: number
  /**
   * Batches under way at once. What comes meanwhile waits for the next, which so grows with the load; batches that touch the
   * same rows would only wait for each other's commit. Default: any number.
   */
  maxAtOnce?: number
  /**
   * How long a batch is under way before another starts beside it: fewer and larger ones cost less, but what one of them waits
   * for, a lock or a slow disk, must not hold up all. Default: none.
   */
  aloneMs?: number
  onBatch?: (size: number) => void
}): MicroBatch<Item, Result> {
  const { maxAtOnce = Number.POSITIVE_INFINITY, aloneMs = 0 } = options
  let underWay = 0
  let startedAt = 0
  const waiting: (() => void)[] = []

  const start = (flush: () => void) => {
    waiting.push(flush)
    startWaiting()
  }
  const startWaiting = () => {
    if (waiting.length === 0 || underWay >= maxAtOnce) return
    const early = underWay === 0 ? 0 : startedAt + aloneMs - performance.now()
    if (early <= 0) waiting.shift()?.()
    else setTimeout(startWaiting, Math.ceil(early))
  }
  const loader = new DataLoader<Item, Result>(
    async (items) => {
      underWay += 1
      startedAt = performance.now()
      options.onBatch?.(items.length)
      try {
        return await runByHalves(options.run, items)
      } finally {
        underWay -= 1
        startWaiting()
      }
    },
    {
      cache: false,
      maxBatchSize: options.maxSize,
      batchScheduleFn: (flush) => {
        setTimeout(start, options.windowMs, flush)
      },
    },
  )
  return (item) => loader.load(item)
}

async function runByHalves<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>,
  items: readonly Item[],
): Promise<(Result | Error)[]> {
  try {
    return [...(await run(items))]
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (items.length === 1 || storeIsAway(error)) return items.map(() => error)
    const middle = Math.ceil(items.length / 2)
    const first = await runByHalves(run, items.slice(0, middle))
    return [...first, ...(await runByHalves(run, items.slice(middle)))]
  }
}

function storeIsAway(error: Error): boolean {
  return sqlState(error) !== LOCK_NOT_AVAILABLE && (isAway(error) || isAway(error.cause))
}

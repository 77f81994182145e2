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
  onBatch?: (size: number) => void
}): MicroBatch<Item, Result> {
  const loader = new DataLoader<Item, Result>(
    (items) => {
      options.onBatch?.(items.length)
      return runByHalves(options.run, items)
    },
    {
      cache: false,
      maxBatchSize: options.maxSize,
      batchScheduleFn: (flush) => {
        setTimeout(flush, options.windowMs)
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

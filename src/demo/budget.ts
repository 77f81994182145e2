export interface Budget {
  /** True and one less left, or false. */
  take: () => boolean
}

/** A bucket that starts full, holds `burst` and gains `perSecond` a second. `now` is in milliseconds. */
export function createBudget(options: { perSecond: number; burst: number; now: () => number }): Budget {
  let left = options.burst
  let filledAt = options.now()
  return {
    take() {
      const now = options.now()
      left = Math.min(options.burst, left + ((now - filledAt) / 1000) * options.perSecond)
      filledAt = now
      if (left < 1) return false
      left -= 1
      return true
    },
  }
}

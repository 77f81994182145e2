/**
 * The attempts that this worker is making, by the time they take. One that turns out slow gives its place in the queue to
 * another and goes on without: its job ends, its lease holds the delivery. So receivers that all begin to hang at once take the
 * places of the others for `slowMs`, not for a whole time-out.
 */
export interface UnderWay {
  /** Follows an attempt to its end, or until it goes on without its place. */
  follow<T>(deliveryId: string, attempt: () => Promise<T>): Promise<T | typeof WITHOUT_PLACE>
  /** Its request is on its way from now on. A test has no webhook here: what it shows is not noted. */
  sent(deliveryId: string, webhookId: string | null): void
  /** Whether it has been told to be slow. */
  isSlow(deliveryId: string): boolean
  /** Looks who has become slow. */
  sweep(): void
  /** Resolves when all that left their places have ended, or the time is over. */
  settled(withinMs: number): Promise<void>
  leftTheirPlaces(): number
}

const WITHOUT_PLACE = 'goes on without its place'

interface Attempt {
  leave: () => void
  webhookId: string | null
  sentAt: number
  left: boolean
}

export function createUnderWay(options: {
  slowMs: number
  /** So many may go on without a place; the others keep theirs. */
  mostWithoutPlace: number
  now: () => number
  /** Told once of each attempt that has become slow and is still under way. */
  onSlow: (webhookId: string) => void
}): UnderWay {
  const waiting = new Map<string, Attempt>()
  const slow = new Map<string, Attempt>()
  let left = 0
  let onNoneLeft: () => void = () => undefined

  function end(deliveryId: string, attempt: Attempt): void {
    waiting.delete(deliveryId)
    slow.delete(deliveryId)
    if (!attempt.left) return
    left -= 1
    if (left === 0) onNoneLeft()
  }

  function leavePlaces(): void {
    for (const attempt of slow.values()) {
      if (left >= options.mostWithoutPlace) return
      if (attempt.left) continue
      attempt.left = true
      left += 1
      attempt.leave()
    }
  }

  return {
    follow: (deliveryId, attempt) =>
      new Promise((resolve, reject) => {
        const one: Attempt = {
          leave: () => resolve(WITHOUT_PLACE),
          webhookId: null,
          sentAt: Number.POSITIVE_INFINITY,
          left: false,
        }
        waiting.set(deliveryId, one)
        attempt()
          .finally(() => end(deliveryId, one))
          .then(resolve, reject)
      }),
    sent(deliveryId, webhookId) {
      const attempt = waiting.get(deliveryId)
      if (attempt) Object.assign(attempt, { webhookId, sentAt: options.now() })
    },
    isSlow: (deliveryId) => slow.has(deliveryId),
    sweep() {
      const since = options.now() - options.slowMs
      for (const [deliveryId, attempt] of waiting) {
        if (attempt.sentAt > since) continue
        waiting.delete(deliveryId)
        slow.set(deliveryId, attempt)
        if (attempt.webhookId !== null) options.onSlow(attempt.webhookId)
      }
      leavePlaces()
    },
    async settled(withinMs) {
      if (left === 0) return
      const none = new Promise<void>((resolve) => {
        onNoneLeft = resolve
      })
      await Promise.race([none, new Promise<void>((resolve) => setTimeout(resolve, withinMs).unref())])
    },
    leftTheirPlaces: () => left,
  }
}

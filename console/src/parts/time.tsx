import { useEffect, useState } from 'preact/hooks'
import { fromNow, fullTime } from '../format.ts'
import { createSignal, useSignal } from '../signal.ts'

/** One clock for all that is told relative to now. */
const now = createSignal(Date.now())
setInterval(() => {
  if (document.visibilityState === 'visible') now.value = Date.now()
}, 1_000)

export function useNow(): number {
  return useSignal(now)
}

export function Ago({ at }: { at: string }) {
  const time = useNow()
  return (
    <time dateTime={at} title={fullTime(at)}>
      {fromNow(at, Math.max(time, Date.now() - 1_000))}
    </time>
  )
}

/** True again for a moment whenever `value` becomes another, to let it be seen. */
export function useFlash(value: unknown): boolean {
  const [seen, setSeen] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSeen(value), 700)
    return () => clearTimeout(timer)
  }, [value])
  return seen !== value
}

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'

/** Something that is read from the server: what came, or why it did not. What came stays while it is read anew. */
export interface Resource<Value> {
  value: Value | null
  error: Error | null
  loading: boolean
  reload(): void
  /** Changes what is shown, as when a message tells of news. */
  change(how: (value: Value) => Value): void
}

/** @param read is called again whenever one of `about` is another */
export function useResource<Value>(
  read: (signal: AbortSignal) => Promise<Value>,
  about: readonly unknown[],
): Resource<Value> {
  const [shown, setShown] = useState<{ value: Value | null; error: Error | null; loading: boolean }>({
    value: null,
    error: null,
    loading: true,
  })
  const [turn, setTurn] = useState(0)
  const known = useRef<unknown>(null)
  const key = JSON.stringify(about)
  useEffect(() => {
    const asked = new AbortController()
    const isOther = known.current !== key
    known.current = key
    setShown(({ value }) => ({ value: isOther ? null : value, error: null, loading: true }))
    read(asked.signal).then(
      (value) => asked.signal.aborted || setShown({ value, error: null, loading: false }),
      (error: unknown) => {
        if (asked.signal.aborted) return
        setShown(({ value }) => ({
          value,
          error: error instanceof Error ? error : new Error(String(error)),
          loading: false,
        }))
      },
    )
    return () => asked.abort()
  }, [key, turn])

  const reload = useCallback(() => setTurn((before) => before + 1), [])
  const change = useCallback(
    (how: (value: Value) => Value) =>
      setShown((before) => (before.value === null ? before : { ...before, value: how(before.value) })),
    [],
  )
  return { ...shown, reload, change }
}

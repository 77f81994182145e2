import { useEffect, useState } from 'preact/hooks'

/** A value that views follow. */
export interface Signal<Value> {
  value: Value
  subscribe(listener: (value: Value) => void): () => void
}

export function createSignal<Value>(first: Value): Signal<Value> {
  const listeners = new Set<(value: Value) => void>()
  let current = first
  return {
    get value() {
      return current
    },
    set value(next) {
      if (Object.is(next, current)) return
      current = next
      for (const listener of [...listeners]) listener(next)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

export function useSignal<Value>(signal: Signal<Value>): Value {
  const [value, setValue] = useState(() => signal.value)
  useEffect(() => {
    setValue(() => signal.value)
    return signal.subscribe((next) => setValue(() => next))
  }, [signal])
  return value
}

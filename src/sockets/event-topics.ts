/** Who listens to a topic by a response: what topics of uWebSockets.js are for WebSockets. */
export interface EventTopics {
  /** @returns whether anybody listens */
  publish(topic: string, frame: string): boolean
  join(topic: string, listener: EventListener): void
  leave(topic: string, listener: EventListener): void
}

export interface EventListener {
  send(frame: string): void
}

export function createEventTopics(): EventTopics {
  const topics = new Map<string, Set<EventListener>>()
  return {
    publish(topic, frame) {
      // Mostly there are none: then a message costs a look at a number.
      const listeners = topics.size === 0 ? undefined : topics.get(topic)
      if (!listeners) return false
      for (const listener of listeners) listener.send(frame)
      return true
    },
    join(topic, listener) {
      const listeners = topics.get(topic) ?? new Set()
      topics.set(topic, listeners.add(listener))
    },
    leave(topic, listener) {
      const listeners = topics.get(topic)
      listeners?.delete(listener)
      if (listeners?.size === 0) topics.delete(topic)
    },
  }
}

import type { Wire } from './wire.ts'

/** A server that the bench can start. */
export interface Contender {
  name: string
  /** Why it cannot run on this machine; null when it can. */
  missing(): string | null
  start(): Promise<Running>
}

export interface Running {
  /** Sockets are spread over them. */
  ports: readonly number[]
  /** Whose CPU and memory count. */
  pids: readonly number[]
  wire: Wire
  stop(): Promise<void>
}

/** Who published what the system itself tells. Publishers see their events, so it must be nobody's id: those are not empty. */
export const BY_THE_SYSTEM = ''

/** An event ready to be stored: validated, completed, numbered and in its canonical text. */
export interface NewEvent {
  id: string
  type: string
  symbol: string | null
  userId: string | null
  canonical: string
  timestamp: string
  publishedBy: string
  /** It is also a message of a stream, so its announcement is owed until made. */
  streamed: boolean
  /** Where it stands in a trace; absent when nobody traces. */
  traceparent?: string
}

import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { documentedFrame } from './documented-frame.ts'
import { eventually } from './eventually.ts'
import type { Frame } from './stream-client.ts'

/** One Server-Sent Event: its frame, and the id where it had one. */
export interface SentEvent {
  id: string | null
  frame: Frame
}

/** A client of the streams by Server-Sent Events, as `curl` would be one. */
export interface EventClient {
  status: number
  headers: IncomingHttpHeaders
  events: SentEvent[]
  frames: Frame[]
  /** What came outside of events: comments and `retry`. */
  others: string[]
  /** What is not a whole event: the body of an error, for one. */
  text(): string
  lastId(): string
  next(type: string): Promise<SentEvent>
  /** Reads no more, and goes on. */
  pause(): void
  goOn(): void
  /** Resolves when the server has ended it. */
  ended: Promise<void>
  close(): void
}

export async function openEvents(url: string, headers: Record<string, string> = {}): Promise<EventClient> {
  const asking = request(url.replace(/^ws/, 'http'), { headers, agent: false })
  asking.end()
  const [response]: [IncomingMessage] = (await once(asking, 'response')) as [IncomingMessage]
  const events: SentEvent[] = []
  const frames: Frame[] = []
  const others: string[] = []
  let text = ''
  response.setEncoding('utf8')
  response.on('data', (chunk) => {
    const blocks = `${text}${chunk}`.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) take(block)
  })

  function take(block: string): void {
    let id: string | null = null
    for (const line of block.split('\n')) {
      if (line.startsWith('id: ')) id = line.slice(4)
      else if (line.startsWith('data: ')) {
        const frame: Frame = documentedFrame(JSON.parse(line.slice(6)))
        events.push({ id, frame })
        frames.push(frame)
      } else others.push(line)
    }
  }

  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events,
    frames,
    others,
    text: () => text,
    lastId: () => events.findLast(({ id }) => id !== null)?.id ?? '',
    next: (type) =>
      eventually(() => {
        const found = events.find(({ frame }) => frame.type === type)
        if (!found) throw new Error(`No ${type} in ${JSON.stringify(frames)}`)
        return found
      }),
    pause: () => void response.pause(),
    goOn: () => void response.resume(),
    ended: new Promise((resolve) => response.once('close', () => resolve())),
    close: () => void asking.destroy(),
  }
}

/** The numbers of the messages that came, snapshots left out. */
export function numbersSent({ frames }: EventClient): unknown[] {
  return frames.flatMap(({ type, seq, snapshot }) => (/_update$|^alert$/.test(type) && !snapshot ? [seq] : []))
}

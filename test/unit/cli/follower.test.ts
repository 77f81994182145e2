import assert from 'node:assert/strict'
import fc from 'fast-check'
import { CommandFailed } from '../../../src/cli/failures.ts'
import { Follower, type Item, type Source } from '../../../src/cli/listen/follower.ts'
import { Unreachable } from '../../../src/cli/server.ts'

const MINUTE_MS = 60_000

describe('what follows a server', () => {
  it('gets each item once, whatever the stream leaves out, repeats or brings late', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            ageMs: fc.integer({ min: 0, max: 5_000 }),
            stream: fc.constantFrom('tells', 'tells twice', 'leaves out', 'leaves out, and says so'),
          }),
          { minLength: 1, maxLength: 60 },
        ),
        async (wanted) => {
          const server = startServer()
          const follower = new Follower({ source: server.source, since: server.clock() })
          const stop = new AbortController()
          const got = collect(follower, stop.signal)
          for (const [index, { ageMs, stream }] of wanted.entries()) {
            server.pass(7_000)
            const item = server.make(`i${index}`, ageMs)
            if (stream.startsWith('tells')) follower.heard(item)
            if (stream === 'tells twice') follower.heard(item)
            if (stream === 'leaves out, and says so') follower.look()
            if (index % 5 === 0) await turns(3)
          }
          follower.look()
          await turns(20)
          stop.abort()
          assert.deepEqual((await got).sort(), wanted.map((_, index) => `i${index}`).sort())
        },
      ),
      { numRuns: 50 },
    )
  })

  it('finds what nobody told it of when it looks by itself', async () => {
    const server = startServer({ everyMs: 5 })
    const follower = new Follower({ source: server.source, since: server.clock() })
    const items = follower.items(new AbortController().signal)
    const first = items.next()
    await turns(5)
    server.make('quiet', 0)
    assert.equal((await first).value?.id, 'quiet')
    await items.return(undefined)
  })

  it('begins where it was told to, and gives what is there in the order of its making', async () => {
    const server = startServer()
    const since = server.clock()
    server.make('before', 1)
    for (const id of ['a', 'b', 'c']) {
      server.pass(10)
      server.make(id, 0)
    }
    const stop = new AbortController()
    const got = collect(new Follower({ source: server.source, since }), stop.signal)
    await turns(10)
    stop.abort()
    assert.deepEqual(await got, ['a', 'b', 'c'])
  })

  it('forgets what lies below its floor without taking it again', async () => {
    const server = startServer()
    const follower = new Follower({ source: server.source, since: server.clock() })
    const stop = new AbortController()
    const got = collect(follower, stop.signal)
    const old = server.make('old', 0)
    follower.heard(old)
    for (let minute = 0; minute < 5; minute += 1) {
      server.pass(MINUTE_MS)
      follower.look()
      await turns(5)
    }
    follower.heard(old)
    await turns(5)
    stop.abort()
    assert.deepEqual(await got, ['old'])
  })

  it('asks again while the server is away, and ends when it will not have it', async () => {
    let failures = 2
    const pauses: number[] = []
    const server = startServer({
      beforeList() {
        failures -= 1
        if (failures >= 0) throw new Unreachable('http://nobody', new Error('away'))
      },
    })
    const follower = new Follower({
      source: server.source,
      since: server.clock(),
      onTrouble: (_, ms) => pauses.push(ms),
    })
    server.make('a', 0)
    const items = follower.items(new AbortController().signal)
    assert.equal((await items.next()).value?.id, 'a')
    assert.equal(pauses.length, 2)
    await items.return(undefined)
    const refusing = startServer({
      beforeList() {
        throw new CommandFailed('403')
      },
    })
    const refused = new Follower({ source: refusing.source, since: 0 })
    await assert.rejects(refused.items(new AbortController().signal).next(), CommandFailed)
  })
})

/** A list of items, and a clock that moves when it is told to. */
function startServer({ everyMs = 60_000, beforeList = () => {} }: { everyMs?: number; beforeList?: () => void } = {}) {
  let now = Date.UTC(2026, 0, 1)
  const made: Item[] = []
  const source: Source<Item> = {
    everyMs,
    now: () => now,
    async list(since) {
      beforeList()
      const found = made.filter(({ createdAt }) => createdAt >= since)
      return found
        .sort((left, right) => right.createdAt - left.createdAt)
        .map((item) => ({ ...item, read: async () => item }))
    },
  }
  return {
    source,
    clock: () => now,
    pass: (ms: number) => {
      now += ms
    },
    make(id: string, ageMs: number): Item {
      const item = { id, createdAt: now - ageMs }
      made.push(item)
      return item
    },
  }
}

async function collect(follower: Follower<Item>, signal: AbortSignal): Promise<string[]> {
  const got: string[] = []
  for await (const { id } of follower.items(signal)) got.push(id)
  return got
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/**
 * Four ledgers of one run, each by another program: what the producer was promised, what the receivers saw, what the
 * database says, and which faults were injected. `compareLedgers` holds them against each other after all has come to rest.
 */
export interface Ledgers {
  producer: readonly Promised[]
  receiver: readonly Arrival[]
  database: DatabaseLedger
  faults: readonly Injected[]
  /** How many attempts one worker makes at a time. */
  concurrency: number
  /** Webhooks (`wh_…`) that subscribe to all of it. */
  webhooks: readonly string[]
}

/** A request that was answered 202. The producer names what it submits, so that what is stored twice shows. */
export interface Promised {
  submission: string
  /** `evt_…` */
  event: string
}

export interface Arrival {
  /** Unix milliseconds. */
  at: number
  delivery: string
  attempt: number
  verified: boolean
  /** The status that was answered, 0 when there was no answer. */
  status: number
}

export interface DatabaseLedger {
  events: readonly { id: string; submission: string }[]
  deliveries: readonly DeliveryRow[]
  attempts: readonly AttemptRow[]
  counters: readonly { webhook: string; deliveries: number; successes: number }[]
  /** Deliveries that are still to be made. */
  open: number
  /** Events that are still to be streamed. */
  unannounced: number
}

export interface DeliveryRow {
  id: string
  event: string
  webhook: string
  status: string
  attempts: number
  maxAttempts: number
  error: string | null
}

export interface AttemptRow {
  delivery: string
  attempt: number
  status: string
  responseCode: number | null
  worker: string
  /** Unix milliseconds. */
  startedAt: number
}

/** What was done to the system. */
export interface Injected {
  at: number
  what: string
  /** How many processes it may have kept from recording what they had sent. */
  kills: number
  pid?: number
}

export interface Comparison {
  /** One line for each promise that was not kept. */
  losses: string[]
  accepted: number
  delivered: number
  duplicates: number
  duplicatesAllowed: number
  unlogged: number
}

export function compareLedgers(ledgers: Ledgers): Comparison {
  const { database } = ledgers
  const duplicates = countDuplicates(ledgers.receiver)
  const duplicatesAllowed = ledgers.faults.reduce((sum, { kills }) => sum + kills, 0) * ledgers.concurrency
  const unlogged = findUnlogged(ledgers)
  const losses = [
    ...findOpen(database),
    ...findUnkept(ledgers),
    ...findStoredTwice(database),
    ...findUnowed(ledgers),
    ...findBrokenLogs(database),
    ...findMiscounted(database),
    ...unlogged,
    ...findUnseen(ledgers),
    ...findBadArrivals(ledgers.receiver),
    ...(duplicates > duplicatesAllowed ? [`${duplicates} duplicates, allowed ${duplicatesAllowed}`] : []),
  ]
  return {
    losses,
    accepted: new Set(ledgers.producer.map(({ event }) => event)).size,
    delivered: database.deliveries.filter(({ status }) => status === 'success').length,
    duplicates,
    duplicatesAllowed,
    unlogged: unlogged.length,
  }
}

function findOpen({ open, unannounced }: DatabaseLedger): string[] {
  return [
    ...(open > 0 ? [`${open} deliveries are still open`] : []),
    ...(unannounced > 0 ? [`${unannounced} events are still not announced`] : []),
  ]
}

/** What was acknowledged is stored, under the id that was answered, and one submission has one id. */
function findUnkept({ producer, database }: Ledgers): string[] {
  const stored = new Map(database.events.map(({ id, submission }) => [id, submission]))
  const answered = new Map<string, string>()
  return producer.flatMap(({ submission, event }) => {
    const first = answered.get(submission) ?? event
    answered.set(submission, first)
    if (first !== event) return [`${submission} was answered with ${first} and with ${event}`]
    if (!stored.has(event)) return [`${event} was acknowledged and is not stored`]
    return stored.get(event) === submission
      ? []
      : [`${event} was answered to ${submission} and is ${stored.get(event)}`]
  })
}

function findStoredTwice({ events }: DatabaseLedger): string[] {
  const copies = [...groupBy(events, ({ submission }) => submission)].filter(([, same]) => same.length > 1)
  return copies.map(([submission, same]) => `${submission} is stored ${same.length} times`)
}

/** Every stored event owes each webhook one delivery. */
function findUnowed({ database, webhooks }: Ledgers): string[] {
  const owed = groupBy(database.deliveries, ({ event, webhook }) => `${event} ${webhook}`)
  return database.events.flatMap(({ id }) =>
    webhooks.flatMap((webhook) => {
      const count = owed.get(`${id} ${webhook}`)?.length ?? 0
      return count === 1 ? [] : [`${id} has ${count} deliveries to ${webhook}`]
    }),
  )
}

function findBrokenLogs({ deliveries, attempts }: DatabaseLedger): string[] {
  const logs = groupBy(attempts, ({ delivery }) => delivery)
  return deliveries.flatMap((delivery) => {
    const log = logs.get(delivery.id) ?? []
    return [...findGaps(delivery, log), ...findUnfinished(delivery, log)]
  })
}

function findGaps(delivery: DeliveryRow, log: readonly AttemptRow[]): string[] {
  const numbers = log.map(({ attempt }) => attempt).sort((a, b) => a - b)
  const gapless = numbers.every((number, index) => number === index + 1)
  const counted = numbers.length === delivery.attempts
  return [
    ...(gapless ? [] : [`${delivery.id} has attempts ${numbers}`]),
    ...(counted ? [] : [`${delivery.id} counts ${delivery.attempts} attempts and ${numbers.length} are logged`]),
  ]
}

/** Delivered or exhausted, and why is in the log. */
function findUnfinished({ id, status, maxAttempts, error }: DeliveryRow, log: readonly AttemptRow[]): string[] {
  const made = (wanted: string) => log.filter((attempt) => attempt.status === wanted).length
  const losses: string[] = []
  if (status !== 'success' && status !== 'failed') losses.push(`${id} is ${status}`)
  if (status === 'success' && made('success') !== 1) losses.push(`${id} has ${made('success')} successful attempts`)
  const givenUp = error === 'poison' || error === 'gone'
  if (status === 'failed' && !givenUp && made('failed') < maxAttempts) {
    losses.push(`${id} was given up after ${made('failed')} of ${maxAttempts} attempts`)
  }
  if (made('started') > 0) losses.push(`${id} has an attempt without an end`)
  return losses
}

function findMiscounted({ deliveries, counters }: DatabaseLedger): string[] {
  const over = groupBy(
    deliveries.filter(({ status }) => status === 'success' || status === 'failed'),
    ({ webhook }) => webhook,
  )
  return counters.flatMap(({ webhook, deliveries: counted, successes }) => {
    const real = over.get(webhook) ?? []
    const succeeded = real.filter(({ status }) => status === 'success').length
    if (counted === real.length && successes === succeeded) return []
    return [`${webhook} counts ${successes} of ${counted} and has ${succeeded} of ${real.length}`]
  })
}

/** Receiver lines minus attempts. */
function findUnlogged({ receiver, database }: Ledgers): string[] {
  const logged = new Set(database.attempts.map(nameOf))
  return [...new Set(receiver.map(nameOf))]
    .filter((name) => !logged.has(name))
    .map((name) => `${name} arrived and is not logged`)
}

/** Attempts with an answer minus receiver lines. */
function findUnseen({ receiver, database }: Ledgers): string[] {
  const answered = new Set(receiver.map((arrival) => `${nameOf(arrival)} ${arrival.status}`))
  return database.attempts
    .filter(({ responseCode }) => responseCode !== null)
    .map((attempt) => `${nameOf(attempt)} ${attempt.responseCode}`)
    .filter((name) => !answered.has(name))
    .map((name) => `${name} is logged and was not answered`)
}

function findBadArrivals(receiver: readonly Arrival[]): string[] {
  const unverified = receiver.filter(({ verified }) => !verified)
  const repeated = [...groupBy(receiver, nameOf)].filter(([, same]) => same.length > 1)
  return [
    ...unverified.map((arrival) => `${nameOf(arrival)} arrived with a bad signature`),
    ...repeated.map(([name, same]) => `${name} arrived ${same.length} times under one number`),
  ]
}

/** Deliveries that a receiver took more than once count for each time but the first. */
function countDuplicates(receiver: readonly Arrival[]): number {
  const taken = groupBy(
    receiver.filter(({ status }) => status >= 200 && status < 300),
    ({ delivery }) => delivery,
  )
  return [...taken.values()].reduce((sum, same) => sum + same.length - 1, 0)
}

function nameOf({ delivery, attempt }: { delivery: string; attempt: number }): string {
  return `${delivery} ${attempt}`
}

function groupBy<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group) group.push(item)
    else groups.set(key(item), [item])
  }
  return groups
}

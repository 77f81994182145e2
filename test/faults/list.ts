import { crashFaults } from './definitions/crashes.ts'
import { postgresFaults } from './definitions/postgres.ts'
import { receiverFaults } from './definitions/receivers.ts'
import { redisFaults } from './definitions/redis.ts'
import { streamFaults } from './definitions/streams.ts'
import { webFaults } from './definitions/webs.ts'
import { workerFaults } from './definitions/workers.ts'
import type { Fault } from './fault.ts'

/** All of them, in the order of the report. */
export const faults: readonly Fault[] = [
  ...workerFaults,
  ...crashFaults,
  ...webFaults,
  ...redisFaults,
  ...postgresFaults,
  ...receiverFaults,
  ...streamFaults,
]

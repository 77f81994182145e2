import { createMemoryBackplane } from '../../../src/streams/memory-backplane.ts'
import { promisesOfABackplane } from '../../support/stream-backplane.ts'

describe('the backplane of a single process', () => {
  promisesOfABackplane(async () => {
    const only = createMemoryBackplane()
    return { near: only, far: only }
  })
})

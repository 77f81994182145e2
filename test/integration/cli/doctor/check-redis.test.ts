import assert from 'node:assert/strict'
import { checkRedis } from '../../../../src/cli/doctor/check-redis.ts'
import { freePort } from '../../../support/ports.ts'
import { startRedis } from '../../../support/redis.ts'
import { startCluster, startSentinel } from '../../../support/redis-topology.ts'

describe('what the doctor says of Redis', () => {
  const reached = /^reached, Redis |^Redis .* has known flaws/

  it('is about the one that is there', async () => {
    const redis = await startRedis()
    const findings = await checkRedis('REDIS_URL', redis.url)
    await redis.stop()
    assert.match(findings[0]?.says ?? '', reached)
  })

  it('is about the master that Sentinels name', async () => {
    const topology = await startSentinel()
    const findings = await checkRedis('REDIS_URL', topology.url)
    await topology.stop()
    assert.match(findings[0]?.says ?? '', reached)
    assert.ok(findings.every(({ verdict }) => verdict !== 'fail'))
  })

  it('is about every master of a cluster, also when the first server named is away', async () => {
    const topology = await startCluster('any')
    const gone = `127.0.0.1:${await freePort()}`
    const findings = await checkRedis('REDIS_URL', topology.url.replace('://', `://${gone},`))
    await topology.stop()
    assert.equal(findings[0]?.says, 'a cluster of 3 masters, all slots served')
    assert.equal(findings.filter(({ says }) => reached.test(says)).length, 3)
    assert.ok(findings.every(({ verdict }) => verdict !== 'fail'))
  })

  it('is that it cannot be reached, whatever its form', async () => {
    const gone = `127.0.0.1:${await freePort()}`
    for (const url of [`redis://${gone}`, `redis+sentinel://${gone}/ara`, `redis+cluster://${gone}`]) {
      const [finding] = await checkRedis('REDIS_URL', url)
      assert.equal(finding?.verdict, 'fail')
      assert.match(finding?.says ?? '', /cannot be reached/)
    }
  })
})

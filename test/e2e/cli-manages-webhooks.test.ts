import assert from 'node:assert/strict'
import { openCommandLineStage } from '../support/command-line-stage.ts'
import { eventually } from '../support/eventually.ts'

describe('webhooks on the command line', function () {
  this.timeout(180_000)
  const stage = openCommandLineStage()
  const { asUser, fails, respond, publishAlert } = stage
  let webhook: string

  it('are created, listed, shown and changed', async () => {
    const created = await asUser(
      'webhooks',
      'create',
      `${stage.receiver().url}/a`,
      '--events',
      'alert_triggered',
      '--json',
    )
    const { id, secret } = JSON.parse(created.stdout)
    assert.match(secret, /^whsec_/)
    webhook = id
    assert.match((await asUser('webhooks', 'list')).stdout, new RegExp(`^${id} .*alert_triggered +on`, 'm'))
    await asUser(
      'webhooks',
      'update',
      id,
      '--description',
      'mine',
      '--header',
      'X-Team: blue: green',
      '--symbols',
      'aapl,msft',
    )
    const { stdout } = await asUser('webhooks', 'show', id)
    assert.match(stdout, /^description +mine$/m)
    assert.match(stdout, /^symbols +AAPL, MSFT$/m)
    assert.match(stdout, /^headers +X-Team$/m)
    assert.match((await asUser('webhooks', 'update', id, '--no-symbols', '--off')).stdout, /^state +off/m)
    const on = await asUser('webhooks', 'update', id, '--on')
    assert.match(on.stderr, new RegExp(`ara-events webhooks recover ${id} --status missing --since 2`))
  })

  it('are tested, and the exit code says whether it was delivered', async () => {
    const good = await asUser('webhooks', 'test', webhook, '--type', 'model_trained')
    assert.match(good.stdout, /^event +model_trained evt_\S+ \(test\)$/m)
    assert.match(good.stdout, /^status +success$/m)
    respond({ status: 500, body: 'broken' })
    const bad = await fails(1, 'webhooks', 'test', webhook)
    assert.match(bad.stdout, /^answer +500$/m)
    assert.match(bad.stderr, /was not delivered/)
  })

  it('get what failed again, by hand and for a span of time', async () => {
    respond({ status: 503 })
    await publishAlert('first')
    await eventually(() => assert.equal(stage.receiver().received.length, 1))
    const listed = await asUser('webhooks', 'deliveries', webhook, '--since', '5m', '--json')
    const delivery = JSON.parse(listed.stdout).deliveries.find((one: { test: boolean }) => !one.test).id
    await fails(1, 'webhooks', 'retry', webhook, delivery)
    respond({ status: 200 })
    const retried = await asUser('webhooks', 'retry', webhook, delivery)
    assert.match(retried.stdout, /^status +success\nattempt +3 of /m)
    const { stdout } = await asUser('webhooks', 'deliveries', webhook, delivery)
    assert.equal(stdout.match(/^attempt \d+: (failed|success), \d+ ms/gm)?.length, 3)
    await stage.system().call('PATCH', `/api/v1/webhooks/${webhook}`, stage.tokens().user, { active: false })
    const since = new Date().toISOString()
    await publishAlert('missed')
    await stage.system().call('PATCH', `/api/v1/webhooks/${webhook}`, stage.tokens().user, { active: true })
    const recovered = await asUser('webhooks', 'recover', webhook, '--status', 'missing', '--since', since, '--json')
    const { status, recovered: count } = JSON.parse(recovered.stdout)
    assert.deepEqual([status, count], ['completed', 1])
    await eventually(() => assert.ok(stage.receiver().received.some(({ body }) => body.includes('missed'))))
  })

  it('get a new secret', async () => {
    const own = 'a-new-secret-of-the-tests'
    const rotated = await asUser('webhooks', 'rotate-secret', webhook, '--secret', own, '--overlap', '600')
    assert.match(rotated.stdout, new RegExp(`^secret +${own} `, 'm'))
    assert.match(rotated.stdout, /^secrets +both sign until /m)
    assert.match((await fails(1, 'webhooks', 'rotate-secret', webhook)).stderr, /409 rotation_under_way/)
    assert.doesNotMatch((await asUser('webhooks', 'rotate-secret', webhook, '--finish')).stdout, /^secrets? /m)
  })

  it('are deleted, and then not there', async () => {
    await asUser('webhooks', 'delete', webhook)
    assert.match((await fails(1, 'webhooks', 'show', webhook)).stderr, /^404 not_found: .*\(request /)
    const inJson = await fails(1, 'webhooks', 'show', webhook, '--json')
    assert.equal(JSON.parse(inJson.stderr).error, 'not_found')
  })
})

import assert from 'node:assert/strict'
import { createHub } from '../../../src/streams/hub.ts'
import { BackplaneAway } from '../../../src/streams/publisher.ts'

const nobody = { put: () => undefined, settle: () => undefined }

/** A backplane whose follows end when the test says so. */
function controlled() {
  const calls: string[] = []
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
  const followed = new Set<string>()
  return {
    calls,
    waiting,
    onHeard: () => undefined,
    followAll: async () => undefined,
    unfollowAll: () => undefined,
    named: () => [],
    refresh: async () => undefined,
    history: async () => ({ epoch: 'e', seq: 3, messages: [] }),
    follow(stream: string) {
      calls.push(`follow ${stream}`)
      followed.add(stream)
      return new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }))
    },
    unfollow(stream: string) {
      calls.push(`unfollow ${stream}`)
      followed.delete(stream)
    },
    position: (stream: string) => (followed.has(stream) ? { epoch: 'e', seq: 3, last: null } : null),
  }
}

describe('the hub', () => {
  it('follows a stream for the first who joins and until the last has left', async () => {
    const backplane = controlled()
    const hub = createHub(backplane, nobody)
    const joins = [hub.join('alerts'), hub.join('alerts')]
    backplane.waiting[0]?.resolve()
    await Promise.all([...joins, hub.join('alerts')])
    assert.deepEqual(hub.position('alerts'), { epoch: 'e', seq: 3, last: null })
    hub.leave('alerts')
    hub.leave('alerts')
    assert.deepEqual(backplane.calls, ['follow alerts'])
    assert.equal(hub.streams(), 1)
    hub.leave('alerts')
    assert.deepEqual(backplane.calls, ['follow alerts', 'unfollow alerts'])
    assert.equal(hub.streams(), 0)
    assert.throws(() => hub.position('alerts'))
  })

  it('counts nobody when following failed, and tries again for the next', async () => {
    const backplane = controlled()
    const hub = createHub(backplane, nobody)
    const joins = [hub.join('alerts'), hub.join('alerts')].map((join) => assert.rejects(join, BackplaneAway))
    backplane.waiting[0]?.reject(new BackplaneAway())
    await Promise.all(joins)
    assert.equal(hub.streams(), 0)
    const again = hub.join('alerts')
    backplane.waiting[1]?.resolve()
    await again
    hub.leave('alerts')
    assert.deepEqual(backplane.calls, ['follow alerts', 'follow alerts', 'unfollow alerts'])
  })

  it('goes on following when one leaves while another joins', async () => {
    const backplane = controlled()
    const hub = createHub(backplane, nobody)
    const first = hub.join('alerts')
    backplane.waiting[0]?.resolve()
    await first
    const second = hub.join('alerts')
    hub.leave('alerts')
    await second
    assert.deepEqual(backplane.calls, ['follow alerts'])
    assert.equal(hub.position('alerts').seq, 3)
    hub.leave('alerts')
    assert.deepEqual(backplane.calls, ['follow alerts', 'unfollow alerts'])
  })

  it('does not mind who leaves what nobody has joined', () => {
    const backplane = controlled()
    createHub(backplane, nobody).leave('alerts')
    assert.deepEqual(backplane.calls, [])
  })

  it('keeps streams apart', async () => {
    const backplane = controlled()
    const hub = createHub(backplane, nobody)
    const joins = [hub.join('alerts'), hub.join('alerts@bob')]
    for (const { resolve } of backplane.waiting) resolve()
    await Promise.all(joins)
    hub.leave('alerts')
    assert.deepEqual(backplane.calls, ['follow alerts', 'follow alerts@bob', 'unfollow alerts'])
    assert.throws(() => hub.position('alerts'))
    assert.equal(hub.position('alerts@bob').seq, 3)
  })
})

import assert from 'node:assert/strict'
import { parseRedisUrl } from '../../../src/redis/place.ts'

const server = (host: string, port: number) => ({ host, port })

describe('the URL of a Redis', () => {
  it('is one server', () => {
    for (const url of ['redis://127.0.0.1:6379', 'rediss://user:secret@redis.example:6380/2']) {
      assert.deepEqual(parseRedisUrl(url), { kind: 'single', url })
    }
  })

  it('is the master that Sentinels name', () => {
    assert.deepEqual(parseRedisUrl('redis+sentinel://one.example,two.example:26380,[::1]:1/ara'), {
      kind: 'sentinel',
      servers: [server('one.example', 26379), server('two.example', 26380), server('::1', 1)],
      credentials: {},
      tls: {},
      master: 'ara',
      db: 0,
      sentinel: {},
    })
  })

  it('has credentials of the servers and of the Sentinels, a number of the database, and TLS', () => {
    const url = 'rediss+sentinel://app:p%40ss@one.example/ara/3?sentinel_username=watch&sentinel_password=s%26cret'
    assert.deepEqual(parseRedisUrl(url), {
      kind: 'sentinel',
      servers: [server('one.example', 26379)],
      credentials: { username: 'app', password: 'p@ss' },
      tls: { tls: {} },
      master: 'ara',
      db: 3,
      sentinel: { username: 'watch', password: 's&cret' },
    })
  })

  it('is a cluster', () => {
    assert.deepEqual(parseRedisUrl('redis+cluster://:secret@10.0.0.1:7000,10.0.0.2'), {
      kind: 'cluster',
      servers: [server('10.0.0.1', 7000), server('10.0.0.2', 6379)],
      credentials: { password: 'secret' },
      tls: {},
    })
  })

  it('is nothing else', () => {
    for (const url of [
      ...[
        '',
        'redis',
        'redis://',
        'http://host:6379',
        'redis+other://host',
        'redis+cluster://',
        'redis+cluster://a,,b',
      ],
      ...['redis+cluster://a/0', 'redis+cluster://a:123456', 'redis+sentinel://a', 'redis+sentinel://a/ara/x'],
      ...['redis+sentinel://a/ara/1/2', 'redis+sentinel://a b/ara'],
    ]) {
      assert.equal(parseRedisUrl(url), null, url)
    }
  })
})

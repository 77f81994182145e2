import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { openDatabase } from '../../../src/db/database.ts'
import { ApiError } from '../../../src/errors.ts'

const TERMINATED = 'SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'
/** Of the protocol of PostgreSQL: the login is accepted, a query may come, the connection is terminated; in one packet. */
const WELCOME_AND_FAREWELL = Buffer.concat([
  message('R', Buffer.from([0, 0, 0, 0])),
  message('Z', Buffer.from('I')),
  message('E', Buffer.from(TERMINATED)),
])

describe('a database', () => {
  it('answers 503 for a connection that is terminated as it is handed out', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(WELCOME_AND_FAREWELL))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const url = `postgres://ara:ara@127.0.0.1:${port}/ara`
    const db = openDatabase({ url, pool: 2, name: 'test', onError: () => undefined })
    try {
      const work = () => db.transaction((sql) => sql.query({ text: 'SELECT 1' }))
      await assert.rejects(work, (error) => error instanceof ApiError && error.status === 503)
    } finally {
      await db.close()
      server.close()
    }
  })
})

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

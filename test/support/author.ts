import type { Author } from '../../src/audit/author.ts'

/** Whoever a test acts as. */
export const BY_TEST: Author = { userId: 'test', role: 'user', via: 'jwt', address: '127.0.0.1', requestId: 'test' }

import type { Database } from '../../src/db/database.ts'
import { createSecretBox } from '../../src/db/secret-box.ts'
import { uuidv7 } from '../../src/ids.ts'
import { insertWebhook } from '../../src/webhooks/webhook-store.ts'

export const BENCH_SECRET = 'a-secret-of-the-bench'
/** More than any bench makes. */
const MOST = 100_000

/**
 * Webhooks as their owner would have made them, at `url` and a number each.
 * @returns their ids
 */
export async function insertWebhooks(
  db: Database,
  key: Buffer,
  count: number,
  { url, events }: { url: string; events: string[] },
): Promise<string[]> {
  const box = createSecretBox([{ id: 'k1', key }])
  const ids = Array.from({ length: count }, () => uuidv7())
  for (const [index, id] of ids.entries()) {
    const webhook = {
      id,
      user_id: 'bench',
      url: `${url}-${index}`,
      events,
      symbols: null,
      secret: box.seal(BENCH_SECRET, id),
      headers: null,
      header_names: [],
      description: null,
      active: true,
      signature_style: 'canonical' as const,
      max_attempts: 10,
    }
    await db.transaction((sql) => insertWebhook(sql, webhook, MOST))
  }
  return ids
}

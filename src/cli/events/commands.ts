import type { Command } from '../command.ts'
import { publishEvents } from './publish.ts'
import { tailEvents } from './tail.ts'

export const EVENT_COMMANDS: readonly Command[] = [publishEvents, tailEvents]

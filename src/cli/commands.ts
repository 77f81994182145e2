import type { Command } from './command.ts'

/**
 * By the word they begin with, in the order of the help. Each loads what it needs when it is used: a command that only asks a
 * server starts in half the time without the database's drivers and the sockets.
 */
const COMMANDS: Record<string, () => Promise<readonly Command[]>> = {
  start: async () => [(await import('./start.ts')).start],
  migrate: async () => [(await import('./migrate.ts')).migrateCommand],
  token: async () => [(await import('./token.ts')).token],
  doctor: async () => [(await import('./doctor.ts')).doctor],
  webhooks: async () => (await import('./webhooks/commands.ts')).WEBHOOK_COMMANDS,
  events: async () => (await import('./events/commands.ts')).EVENT_COMMANDS,
  listen: async () => [(await import('./listen.ts')).listen],
}

/** Those that begin with a word; none for a word that none begins with. */
export async function commandsOf(word: string): Promise<readonly Command[]> {
  return Object.hasOwn(COMMANDS, word) ? ((await COMMANDS[word]?.()) ?? []) : []
}

export async function allCommands(): Promise<Command[]> {
  return (await Promise.all(Object.keys(COMMANDS).map(commandsOf))).flat()
}

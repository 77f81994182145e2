import type { Command } from './command.ts'

export const start: Command = {
  name: 'start',
  about: 'Run the whole system in one process, as npm start does.',
  details: `
Without DATABASE_URL it brings its own PostgreSQL (the embedded mode). What it reads is in .env.example; Ctrl-C stops all of
it when what is under way has ended. The Procfile's processes, web and worker, are started by node dist/src/web.js and
node dist/workers/main.js.`,
  handlesSignals: true,
  outlivesReader: true,
  async run() {
    await import('../start.ts')
  },
}

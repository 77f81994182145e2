/*
 * Loaded into `nf`, which ends what it started on Ctrl-C only: whoever supervises `npm run procfile` sends SIGTERM, and the
 * processes would outlive it.
 */
process.once('SIGTERM', () => process.emit('SIGINT', 'SIGINT'))

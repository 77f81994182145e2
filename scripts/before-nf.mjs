/*
 * Loaded into `nf`, which would leave what it started behind: it ends that on Ctrl-C only, while whoever supervises
 * `npm run procfile` sends SIGTERM, and it dies of a closed pipe.
 */
process.once('SIGTERM', () => process.emit('SIGINT', 'SIGINT'))
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

/*
 * Loaded into `nf`, which would leave what it started behind: it ends that on Ctrl-C only, while whoever supervises
 * `npm run procfile` sends SIGTERM, and it dies of a closed pipe. It would die of a second Ctrl-C too, and not see its processes
 * end: npm passes on what the terminal has told all of them. Who means it twice ends those, and `nf` ends with them.
 */
process.on('SIGINT', () => undefined)
process.once('SIGTERM', () => process.emit('SIGINT', 'SIGINT'))
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

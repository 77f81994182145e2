import type { Writable } from 'node:stream'

/** For people, on stdout. */
export function print(text: string): void {
  write(process.stdout, text)
}

/** For people, on stderr: why the process ends. */
export function complain(text: string): void {
  write(process.stderr, text)
}

/** That nobody reads any more (a closed pipe, a terminal that is gone) ends nothing. */
function write(stream: Writable, text: string): void {
  if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore)
  stream.write(text)
}

function ignore(): void {}

import { existsSync, readdirSync } from 'node:fs'
import { howToInstall } from '../support/sample-runtimes.ts'

/** The environment under which a process sees another time. @param offset `+1h`, `-1h` */
export function faketimeSettings(offset: string): NodeJS.ProcessEnv {
  // Waiting takes as long as ever: only what the clock says is wrong.
  return { LD_PRELOAD: findLibrary(), FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' }
}

function findLibrary(): string {
  const roots = ['/usr/lib', ...readdirSync('/usr/lib').map((name) => `/usr/lib/${name}`)]
  const places = [...roots, '/usr/lib64'].map((root) => `${root}/faketime/libfaketimeMT.so.1`)
  const found = places.find(existsSync)
  if (found !== undefined) return found
  const linux = { apt: 'apt-get install -y faketime', dnf: 'dnf install -y libfaketime', apk: 'apk add libfaketime' }
  throw new Error(`This needs libfaketime. ${howToInstall({ ...linux, macOS: 'brew install libfaketime' })}`)
}

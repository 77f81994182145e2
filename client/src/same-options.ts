import type { StreamWish } from './stream-wish.ts'

/** @throws TypeError when a stream that is subscribed to is wanted in another way */
export function refuseOtherOptions(first: StreamWish, second: StreamWish, name: string): void {
  const options = ({ snapshot, conflateMs, since, userSince }: StreamWish) => ({
    snapshot,
    conflateMs,
    since: since && `${since.epoch}:${since.seq}`,
    userSince: userSince && `${userSince.epoch}:${userSince.seq}`,
  })
  const [had, wanted] = [options(first), options(second)]
  for (const option of ['snapshot', 'conflateMs', 'since', 'userSince'] as const) {
    if (had[option] === wanted[option]) continue
    const was = had[option] === undefined ? `without ${option}` : `with ${option} ${had[option]}`
    throw new TypeError(`${name} is subscribed to ${was} already; use another client for it otherwise.`)
  }
}

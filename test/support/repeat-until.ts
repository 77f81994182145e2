import { setTimeout } from 'node:timers/promises'

/** Does it again and again until it was seen: a client under test does not say when it is ready to see it. */
export async function repeatUntil(seen: Promise<unknown>, act: () => Promise<unknown>): Promise<void> {
  let over = false
  const end = () => {
    over = true
  }
  seen.then(end, end)
  while (!over) {
    await act()
    await setTimeout(250)
  }
  await seen
}

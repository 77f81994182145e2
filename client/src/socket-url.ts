/**
 * `http` and `https` stand for `ws` and `wss`, and no path for `/ws`.
 * @throws TypeError for what is no URL
 */
export function socketUrl(given: string): string {
  const url = new URL(given)
  url.protocol = url.protocol.replace('http', 'ws')
  if (url.pathname === '/') url.pathname = '/ws'
  return url.href
}

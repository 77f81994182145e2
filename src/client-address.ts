/**
 * The address of the client behind a known number of proxies. Each proxy appends the peer it saw to `X-Forwarded-For`, so
 * with n proxies the n-th entry from the right is the client as the outermost of ours saw it; what stands further left is
 * the client's own claim. A shorter list means that a proxy was bypassed: then the leftmost entry is the nearest to the truth.
 */
export function clientAddress(peer: string, forwardedFor: string, trustedProxies: number): string {
  if (trustedProxies === 0 || forwardedFor === '') return peer
  const hops = forwardedFor.split(',').map((hop) => hop.trim())
  return hops[Math.max(0, hops.length - trustedProxies)] || peer
}

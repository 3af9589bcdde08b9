import type { PeerAddress } from '../sans-io/left.js';

/** Hextets of an IPv6 address that name a network: one subscriber has 2^64 addresses or more (RFC 6177). */
const NETWORK_HEXTETS = 4;
const MAPPED = '::ffff:';

/**
 * Who is counted as one peer: an IPv4 address, written as IPv6 or not, or the /64 network of an IPv6 address. Null for Unix sockets, whose peers are this
 * machine's own.
 */
export function addressGroup(peer: PeerAddress): string | null {
  if (peer.family === 'Unix') return null;
  const address = peer.address.toLowerCase();
  if (peer.family === 'IPv4') return address;
  if (address.startsWith(MAPPED) && address.includes('.')) return address.slice(MAPPED.length);
  // Without the zone: `fe80::1%eth0`.
  const [text = ''] = address.split('%');
  const gap = text.indexOf('::');
  if (gap < 0) return `${text.split(':', NETWORK_HEXTETS).join(':')}::/64`;
  const front = hextets(text.slice(0, gap));
  const back = hextets(text.slice(gap + 2));
  // A dotted tail is two hextets long.
  const tail = back.length + (text.includes('.') ? 1 : 0);
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - tail) }, () => '0');
  return `${[...front, ...zeros, ...back].slice(0, NETWORK_HEXTETS).join(':')}::/64`;
}

function hextets(text: string): string[] {
  return text === '' ? [] : text.split(':');
}

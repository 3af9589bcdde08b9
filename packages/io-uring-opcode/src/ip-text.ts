// Text forms of IP addresses, as inet_pton(3) reads and inet_ntop(3) writes them: the same text Node.js gives, so that
// addresses of both compare as strings.

/** Writes the 4 bytes of a dotted quad; false when it is none. Leading zeros are refused, as inet_pton does. */
export function parseIPv4(text: string, out: Uint8Array, at = 0): boolean {
  const parts = text.split('.');
  if (parts.length !== 4) return false;
  for (let i = 0; i < 4; i++) {
    const part = parts[i]!;
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return false;
    out[at + i] = Number(part);
  }
  return true;
}

/** The dotted quad of 4 bytes. */
export function formatIPv4(bytes: Uint8Array, at = 0): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** Writes the 16 bytes of an IPv6 address without zone; false when it is none. */
export function parseIPv6(text: string, out: Uint8Array): boolean {
  const gap = text.indexOf('::');
  if (gap >= 0 && text.indexOf('::', gap + 1) >= 0) return false;
  out.fill(0, 0, 16);
  if (gap < 0) return parseGroups(text, out, 0, true) === 16;

  const head = text.slice(0, gap);
  const tail = text.slice(gap + 2);
  const front = head === '' ? 0 : parseGroups(head, out, 0, false);
  const scratch = new Uint8Array(16);
  const back = tail === '' ? 0 : parseGroups(tail, scratch, 0, true);
  // The gap stands for at least one group of zeros.
  if (front < 0 || back < 0 || front + back > 14) return false;
  out.set(scratch.subarray(0, back), 16 - back);
  return true;
}

/** Bytes written, or -1. The last group may be a dotted quad where `quad`. */
function parseGroups(text: string, out: Uint8Array, from: number, quad: boolean): number {
  const groups = text.split(':');
  let at = from;
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i]!;
    if (quad && i === groups.length - 1 && group.includes('.')) {
      if (at > 12 || !parseIPv4(group, out, at)) return -1;
      return at + 4;
    }
    if (at > 14 || !/^[0-9a-fA-F]{1,4}$/.test(group)) return -1;
    const value = Number.parseInt(group, 16);
    out[at] = value >>> 8;
    out[at + 1] = value & 0xff;
    at += 2;
  }
  return at;
}

/** Shortest text of 16 bytes: the first longest run of zero groups becomes `::` (RFC 5952). */
export function formatIPv6(bytes: Uint8Array, at = 0): string {
  const groups: number[] = [];
  for (let i = 0; i < 8; i++) groups.push((bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!);

  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) {
      best = i;
      bestLength = end - i;
    }
    i = end;
  }

  // IPv4-mapped and IPv4-compatible addresses end in a dotted quad, as inet_ntop(3) has always written them.
  const mapped = best === 0 && (bestLength === 6 || (bestLength === 5 && groups[5] === 0xffff));
  const hex = groups.slice(0, mapped ? 6 : 8).map((group) => group.toString(16));
  const text =
    best < 0
      ? hex.join(':')
      : `${hex.slice(0, best).join(':')}::${hex.slice(best + bestLength).join(':')}`;
  if (!mapped) return text;
  return `${text}${text.endsWith(':') ? '' : ':'}${formatIPv4(bytes, at + 12)}`;
}

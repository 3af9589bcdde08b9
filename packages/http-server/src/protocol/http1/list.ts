/**
 * True when a comma-separated list holds `token` in any case (RFC 9110 section 5.6.1).
 *
 * @param token in lower case
 */
export function listHas(bytes: Uint8Array, start: number, end: number, token: string): boolean {
  let p = start;
  while (p < end) {
    let q = p;
    while (q < end && bytes[q] !== 0x2c) q++;
    let from = p;
    let to = q;
    while (from < to && (bytes[from] === 0x20 || bytes[from] === 0x09)) from++;
    while (to > from && (bytes[to - 1] === 0x20 || bytes[to - 1] === 0x09)) to--;
    if (equalsIgnoreCase(bytes, from, to, token)) return true;
    p = q + 1;
  }
  return false;
}

/**
 * True when the bytes are `lower` in any case.
 *
 * @param lower ASCII in lower case
 */
export function equalsIgnoreCase(
  bytes: Uint8Array,
  start: number,
  end: number,
  lower: string,
): boolean {
  const length = end - start;
  if (length !== lower.length) return false;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!;
    const folded = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (folded !== lower.charCodeAt(i)) return false;
  }
  return true;
}

import { CLASSES, DIGIT, HOST, IP_LITERAL } from './character-classes.js';

/**
 * True when `bytes[start, end)` is `uri-host [ ":" port ]` of RFC 9110 section 7.2, not empty and without userinfo.
 *
 * @param portRequired as in the authority-form of CONNECT
 */
export function isHost(
  bytes: Uint8Array,
  start: number,
  end: number,
  portRequired = false,
): boolean {
  const classes = CLASSES;
  let p = start;
  if (p < end && bytes[p] === 0x5b) {
    p++;
    const first = p;
    while (p < end && (classes[bytes[p]!]! & IP_LITERAL) !== 0) p++;
    if (p === first || p === end || bytes[p] !== 0x5d) return false;
    p++;
  } else {
    while (p < end && (classes[bytes[p]!]! & HOST) !== 0) p++;
    if (p === start) return false;
  }
  if (p === end) return !portRequired;
  if (bytes[p] !== 0x3a) return false;
  p++;
  if (p === end) return !portRequired;
  while (p < end && (classes[bytes[p]!]! & DIGIT) !== 0) p++;
  return p === end;
}

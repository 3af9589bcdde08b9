import { CLASSES, DIGIT, TOKEN } from './character-classes.js';
import { FAULT_CODING, FAULT_CODING_UNKNOWN, FAULT_LENGTH } from './faults.js';
import { equalsIgnoreCase } from './list.js';

/**
 * The value of `Content-Length`, or a fault. Exactly 1*DIGIT (RFC 9112 section 6.2): lists, even of equal numbers, are
 * refused, because two readers could choose differently.
 */
export function contentLength(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return FAULT_LENGTH;
  let length = 0;
  for (let p = start; p < end; p++) {
    const byte = bytes[p]!;
    if ((CLASSES[byte]! & DIGIT) === 0) return FAULT_LENGTH;
    length = length * 10 + (byte - 0x30);
    if (length > Number.MAX_SAFE_INTEGER) return FAULT_LENGTH;
  }
  return length;
}

/**
 * 0 when `Transfer-Encoding` is exactly `chunked`, else a fault (RFC 9112 section 6.1 and 6.3): 501 when a well-formed list of other
 * codings ends in the only `chunked`, 400 for everything else.
 */
export function transferCoding(bytes: Uint8Array, start: number, end: number): number {
  if (equalsIgnoreCase(bytes, start, end, 'chunked')) return 0;
  let codings = 0;
  let p = start;
  for (;;) {
    const from = p;
    while (p < end && (CLASSES[bytes[p]!]! & TOKEN) !== 0) p++;
    if (p === from) return FAULT_CODING;
    const chunked = equalsIgnoreCase(bytes, from, p, 'chunked');
    codings++;
    while (p < end && (bytes[p] === 0x20 || bytes[p] === 0x09)) p++;
    if (p === end) return chunked && codings > 1 ? FAULT_CODING_UNKNOWN : FAULT_CODING;
    if (chunked || bytes[p] !== 0x2c) return FAULT_CODING;
    p++;
    while (p < end && (bytes[p] === 0x20 || bytes[p] === 0x09)) p++;
  }
}

/**
 * True when HTAB stands around the value of a framing field. RFC 9112 section 5 allows it, parsers disagree on it, and no client sends it.
 */
export function isPaddedWithTab(
  bytes: Uint8Array,
  nameEnd: number,
  valueStart: number,
  valueEnd: number,
): boolean {
  for (let p = nameEnd; p < valueStart; p++) if (bytes[p] === 0x09) return true;
  for (let p = valueEnd; bytes[p] !== 0x0d; p++) if (bytes[p] === 0x09) return true;
  return false;
}

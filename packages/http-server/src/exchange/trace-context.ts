/** Where a request stands in a distributed trace, as its `traceparent` and `tracestate` fields say (W3C Trace Context). */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** The caller's span: 16 lower-case hexadecimal digits, not all zero. */
  readonly parentId: string;
  /** The caller records this trace. */
  readonly sampled: boolean;
  /** All eight flag bits; bit 0 is {@link sampled}. */
  readonly flags: number;
  /** The vendors' list as received, its lines joined; empty when there is none, or it is not valid. */
  readonly tracestate: string;
}

/** `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits. */
const LENGTH = 55;
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZERO_TRACE = '0'.repeat(32);
const ZERO_SPAN = '0'.repeat(16);
/** Section 3.3.1.1 of the specification. */
const MEMBERS_MAX = 32;
const KEY =
  /^[a-z0-9][a-z0-9_\-*/]{0,255}$|^[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}$/;
/** Printable ASCII but comma and equals sign, and no space at the end. */
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * Reads the two fields of W3C Trace Context. What is not valid is as if it had not been sent, as the specification demands: an invalid
 * `traceparent` takes the `tracestate` with it, an invalid `tracestate` leaves the `traceparent` alone.
 *
 * @example
 * ```ts
 * import { parseTraceContext } from '@ringbearer/http-server';
 *
 * const trace = parseTraceContext('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', 'vendor=1');
 * console.log(trace?.traceId, trace?.sampled);
 * ```
 */
export function parseTraceContext(
  traceparent: string | undefined,
  tracestate: string | undefined,
): TraceContext | null {
  if (traceparent === undefined || traceparent.length < LENGTH) return null;
  const found = TRACEPARENT.exec(traceparent);
  if (found === null) return null;
  const [, version, traceId, parentId, flags, rest] = found;
  // Version 00 is exactly this long; a later one may go on after a dash, ff is none.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (traceId === ZERO_TRACE || parentId === ZERO_SPAN) return null;
  const bits = Number.parseInt(flags!, 16);
  return {
    traceId: traceId!,
    parentId: parentId!,
    sampled: (bits & 1) === 1,
    flags: bits,
    tracestate: tracestate !== undefined && isTracestate(tracestate) ? tracestate : '',
  };
}

/** A list of at most 32 members with keys of their own; empty members are allowed and count for nothing. */
function isTracestate(list: string): boolean {
  const keys = new Set<string>();
  for (const part of list.split(',')) {
    const member = part.replace(/^[ \t]+|[ \t]+$/g, '');
    if (member === '') continue;
    const equals = member.indexOf('=');
    const key = member.slice(0, Math.max(equals, 0));
    if (!KEY.test(key) || !VALUE.test(member.slice(equals + 1)) || keys.has(key)) return false;
    keys.add(key);
  }
  return keys.size <= MEMBERS_MAX;
}

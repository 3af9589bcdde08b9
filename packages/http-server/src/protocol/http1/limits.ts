import { TIMER_MS_MAX } from '../../sans-io/timer-limit.js';

/** Limits of an HTTP/1.1 connection. Every one has a default that holds against abuse; `Infinity` lifts a time or a size. */
export interface Http1Limits {
  /**
   * From the first byte of a head to its last, in total, in milliseconds. Default 5,000: a head fits in one packet, so
   * this is time for one retransmission with room to spare. Past it: 408.
   */
  readonly headerReadTimeoutMs?: number;
  /** The longest silence while a request body is being received, in milliseconds. Default 30,000. Past it: 408. */
  readonly bodyReadTimeoutMs?: number;
  /**
   * From the first byte of a head to the last byte of its request, in total, in milliseconds; not counted while the handler does not read. Default
   * 300,000, as node:http: a byte now and then is progress, so without it a body would hold its connection for ever. Past it: 408, or an abort when the
   * reply was begun. Longer uploads need more.
   */
  readonly requestTimeoutMs?: number;
  /** How long a connection may be idle, before its first request too, in milliseconds. Default 5,000, as node:http. Past it: closed silently. */
  readonly keepAliveTimeoutMs?: number;
  /**
   * The age, in milliseconds, from which a connection takes no further request: idle it is closed, busy its reply says
   * `Connection: close`. Default 300,000.
   */
  readonly connectionTimeoutMs?: number;
  /**
   * The longest silence of a handler, in milliseconds: from the end of a head until something of its reply is sent (1xx count), and from then on between
   * one write and the next, so that an event stream that says something now and then lives on. Default 300,000, as `requestTimeoutMs`: far beyond
   * what a client waits for, yet finite, as a handler that hangs would hold its connection for ever. Past it: 503, or an abort when the reply was begun.
   *
   * Not counted: waiting for body bytes (`bodyReadTimeoutMs`) and for a client that does not read (`writeTimeoutMs`). Long polls that are silent for longer
   * need more, or `Infinity`.
   */
  readonly handlerTimeoutMs?: number;
  /**
   * After the client's FIN, how long a handler with a reply to make may send nothing, in milliseconds. Default 30,000: as a body. Past it: an abort, for
   * nobody seems to be at either end, and nothing else would ever end a connection whose handler hangs. One that goes on writing is waited for.
   */
  readonly halfCloseTimeoutMs?: number;
  /** Start line and fields together, in bytes; trailers likewise. Default 16,384, as node:http. Past it: 431. */
  readonly maxHeaderBytes?: number;
  /** Field lines of a head; of a trailer section likewise. Default 100. Past it: 431. */
  readonly maxHeaders?: number;
  /** The request target, in bytes. Default 8,192: RFC 9112 section 3 recommends at least 8,000. Past it: 414. */
  readonly maxTargetBytes?: number;
  /** A request body, in bytes; 0 refuses bodies. Default 2,097,152. Past it: 413. A handler may set it for its request: `request.maxBodyBytes`. */
  readonly maxBodyBytes?: number;
  /**
   * What a handler may raise `maxBodyBytes` to for a request, in bytes. Default: `maxBodyBytes`, so that a body announced to be larger is refused before
   * any handler runs. Up to here the handler is asked: 413 when it reads and has not raised its limit.
   */
  readonly maxRaisedBodyBytes?: number;
  /**
   * Body bytes the handler left unread that are received and dropped to keep the connection, in bytes. Default 65,536: about what
   * is in flight already. Past it: the connection closes after the reply.
   */
  readonly maxDrainBytes?: number;
  /** Requests one connection may carry; the last reply says `Connection: close`. Default Infinity. */
  readonly maxRequestsPerConnection?: number;
}

/** {@link Http1Limits} with nothing left out. */
export type ResolvedHttp1Limits = Required<Http1Limits>;

/** The defaults, with their reasons at {@link Http1Limits}. */
export const HTTP1_LIMITS: ResolvedHttp1Limits = {
  headerReadTimeoutMs: 5_000,
  bodyReadTimeoutMs: 30_000,
  requestTimeoutMs: 300_000,
  keepAliveTimeoutMs: 5_000,
  connectionTimeoutMs: 300_000,
  handlerTimeoutMs: 300_000,
  halfCloseTimeoutMs: 30_000,
  maxHeaderBytes: 16_384,
  maxHeaders: 100,
  maxTargetBytes: 8_192,
  maxBodyBytes: 2_097_152,
  maxRaisedBodyBytes: 2_097_152,
  maxDrainBytes: 65_536,
  maxRequestsPerConnection: Number.POSITIVE_INFINITY,
};

/** Lowest value, highest value and whether `Infinity` may stand for "no limit". */
const RANGES: { readonly [K in keyof ResolvedHttp1Limits]: readonly [number, number, boolean] } = {
  headerReadTimeoutMs: [1, TIMER_MS_MAX, true],
  bodyReadTimeoutMs: [1, TIMER_MS_MAX, true],
  requestTimeoutMs: [1, TIMER_MS_MAX, true],
  keepAliveTimeoutMs: [1, TIMER_MS_MAX, true],
  connectionTimeoutMs: [1, TIMER_MS_MAX, true],
  handlerTimeoutMs: [1, TIMER_MS_MAX, true],
  halfCloseTimeoutMs: [1, TIMER_MS_MAX, true],
  // The runtime has to keep an incomplete head, so this one is never unlimited.
  maxHeaderBytes: [64, 1_048_576, false],
  maxHeaders: [1, 10_000, false],
  maxTargetBytes: [1, 1_048_576, false],
  maxBodyBytes: [0, Number.MAX_SAFE_INTEGER, true],
  maxRaisedBodyBytes: [0, Number.MAX_SAFE_INTEGER, true],
  maxDrainBytes: [0, Number.MAX_SAFE_INTEGER, true],
  maxRequestsPerConnection: [1, Number.MAX_SAFE_INTEGER, true],
};

/**
 * Fills in defaults.
 *
 * @throws TypeError when a limit is not a number, RangeError when it is outside its range
 */
export function resolveHttp1Limits(limits: Http1Limits): ResolvedHttp1Limits {
  const resolved: Record<string, number> = { ...HTTP1_LIMITS };
  for (const [name, [lowest, highest, unlimited]] of Object.entries(RANGES)) {
    const value: unknown = limits[name as keyof Http1Limits];
    if (value === undefined) continue;
    if (typeof value !== 'number') {
      throw new TypeError(
        `Cannot configure HTTP/1.1 as ${name} must be a number: current value is ${typeof value === 'string' ? `'${value}'` : String(value)}`,
      );
    }
    if (value === Number.POSITIVE_INFINITY && unlimited) {
      resolved[name] = value;
      continue;
    }
    if (!Number.isInteger(value) || value < lowest || value > highest) {
      throw new RangeError(
        `Cannot configure HTTP/1.1 as ${name} must be an integer from ${lowest} to ${highest}${unlimited ? ' or Infinity' : ''}: current value is ${value}`,
      );
    }
    resolved[name] = value;
  }
  const { maxBodyBytes, maxRaisedBodyBytes } = resolved as { [name: string]: number };
  if (limits.maxRaisedBodyBytes === undefined) resolved.maxRaisedBodyBytes = maxBodyBytes!;
  else if (maxRaisedBodyBytes! < maxBodyBytes!) {
    throw new RangeError(
      `Cannot configure HTTP/1.1 as maxRaisedBodyBytes must be >= maxBodyBytes, which is ${maxBodyBytes}: current value is ${maxRaisedBodyBytes}`,
    );
  }
  return resolved as unknown as ResolvedHttp1Limits;
}

import { HttpTally } from '../exchange/tally.js';
import type { RuntimeCounts } from '../runtime/runtime.js';
import type { RingTotals } from '../runtime/stats-board.js';

/** Counters of a server since it started, and what is going on now. */
export interface ServerStats extends RuntimeCounts {
  /** Counters and capacities of the ring; null on node:net. */
  readonly ring: RingTotals | null;
  /** Requests given to the handler. */
  readonly requests: number;
  /** Of those, the ones that are not over. */
  readonly active: number;
  /** Connections without a request under way: waiting, or receiving a head. */
  readonly idle: number;
  /** Complete replies by class of status, the server's own to faults included. */
  readonly responses: Readonly<Record<'1xx' | '2xx' | '3xx' | '4xx' | '5xx', number>>;
  /** Requests that ended without a complete reply of their handler. */
  readonly lost: number;
  /** Of those, the ones whose client went away. */
  readonly disconnects: number;
  /** Messages the server answered itself, because of a fault or a limit. */
  readonly refused: number;
  /** Mistakes of clients, by code; codes that did not occur are left out. */
  readonly protocolErrors: Readonly<Record<string, number>>;
  /** Limits that were reached, by option, timeouts included; those that were not are left out. */
  readonly limits: Readonly<Record<string, number>>;
  /** The part of {@link limits} that are times. */
  readonly timeouts: Readonly<Record<string, number>>;
  /** Lines of the access log: given to the stream, and dropped as it was slow. */
  readonly accessLog: {
    /** Given to the stream or function. */
    readonly written: number;
    /** Not written: the stream was slow or broke. */
    readonly dropped: number;
  };
}

/** The counters of one thread as a report. @internal */
export function statsOf(
  tally: HttpTally,
  runtime: RuntimeCounts & Pick<ServerStats, 'ring'>,
): ServerStats {
  const { active, refusals, limits } = tally;
  const byClass = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };
  for (const digit of [1, 2, 3, 4, 5] as const)
    byClass[`${digit}xx`] = tally.responses[digit]! + refusals[digit]!;
  const times = Object.entries(limits).filter(([name]) => name.endsWith('Ms'));
  return {
    ...runtime,
    requests: tally.requests,
    active,
    idle: Math.max(0, tally.opened - tally.closed - active),
    responses: byClass,
    lost: tally.lost,
    disconnects: tally.disconnects,
    refused: refusals.reduce((sum, count) => sum + count),
    protocolErrors: tally.faults,
    limits,
    timeouts: Object.fromEntries(times),
    accessLog: { written: tally.logWritten, dropped: tally.logDropped },
  };
}

/** Nothing yet. */
const NONE: ServerStats = statsOf(new HttpTally(), {
  connections: 0,
  maxConnections: 0,
  accepted: 0,
  bytesReceived: 0,
  bytesSent: 0,
  connectionsRefused: 0,
  acceptPaused: false,
  zeroCopySends: 0,
  zeroCopyCopied: 0,
  zeroCopyPaused: false,
  ring: null,
});

/** One report of several threads: numbers add up, flags are set where one of them is. @internal */
export function sumStats(parts: readonly ServerStats[]): ServerStats {
  return parts.reduce((sum, part) => added(sum, part) as ServerStats, NONE);
}

function added(one: unknown, other: unknown): unknown {
  if (one === undefined || one === null) return other;
  if (other === undefined || other === null) return one;
  if (typeof one === 'number') return one + (other as number);
  if (typeof one !== 'object') return one || other;
  const sum: Record<string, unknown> = { ...one };
  for (const [name, value] of Object.entries(other)) sum[name] = added(sum[name], value);
  return sum;
}

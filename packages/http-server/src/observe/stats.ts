import type { RuntimeStats } from '../runtime/io-uring/index.js';
import type { RuntimeCounts } from '../runtime/runtime.js';
import type { ServerObserver } from './server-observer.js';

/** Counters of a server since it started, and what is going on now. */
export interface ServerStats extends RuntimeCounts {
  /** Counters and capacities of the ring; null on node:net. */
  readonly ring: RuntimeStats['ring'] | null;
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

/** The counters of one server, added up. @internal */
export function statsOf(
  observer: ServerObserver,
  runtime: RuntimeCounts & Pick<ServerStats, 'ring'>,
): ServerStats {
  const { tally, accessLog } = observer;
  const { active, refusals } = tally;
  const [, informational, successful, redirected, client, server] = tally.responses.map(
    (count, digit) => count + refusals[digit]!,
  );
  return {
    ...runtime,
    requests: tally.requests,
    active,
    idle: Math.max(0, tally.opened - tally.closed - active),
    responses: {
      '1xx': informational!,
      '2xx': successful!,
      '3xx': redirected!,
      '4xx': client!,
      '5xx': server!,
    },
    lost: tally.lost,
    disconnects: tally.disconnects,
    refused: refusals.reduce((sum, count) => sum + count),
    protocolErrors: Object.fromEntries(tally.faults),
    limits: Object.fromEntries(tally.limits),
    timeouts: Object.fromEntries([...tally.limits].filter(([name]) => name.endsWith('Ms'))),
    accessLog: { written: accessLog?.written ?? 0, dropped: accessLog?.dropped ?? 0 },
  };
}

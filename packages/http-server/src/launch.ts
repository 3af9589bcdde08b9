import { LateWork } from './exchange/index.js';
import {
  fetchHandler,
  installFastResponse,
  logServerErrors,
  rawHandler,
} from './handlers/index.js';
import { listenError } from './listen/listen-error.js';
import { ServerObserver } from './observe/index.js';
import type { StatsRow } from './observe/stats-row.js';
import type { ServeOptions } from './options.js';
import { type Handle, http1, refusal } from './protocol/http1/index.js';
import { makeRuntime, runtimeChoice, type ServerRuntime } from './runtime/choose-runtime.js';
import type { ListenOptions, SocketName } from './runtime/io-uring/index.js';

/** A runtime that serves. */
export interface Launched {
  readonly runtime: ServerRuntime;
  /** What its protocol and the runtime report to. */
  readonly observer: ServerObserver;
  /** What its handlers left to be done after their replies. */
  readonly late: LateWork;
  /** Where it listens, in the order of the places. */
  readonly addresses: readonly SocketName[];
  /** Why it is not io_uring that serves; null when it is, or was not wanted. */
  readonly fallback: Error | null;
}

/**
 * Builds the protocol and the runtime for options that were checked, and listens.
 *
 * @param row where its counters are, for other threads to read
 * @throws as `serve`
 */
export async function launch(
  options: ServeOptions,
  places: readonly ListenOptions[],
  row?: StatsRow,
): Promise<Launched> {
  const { layers, maxConnections, writeTimeoutMs, lingerTimeoutMs, driver } = options;
  const { minZeroCopyBytes, overload, maxConnectionsPerAddress, maxWaitUntil, onError } = options;
  const choice = runtimeChoice(options.runtime);
  const handle = handleOf(options);
  const observer = new ServerObserver(options, row?.tally);
  const late = new LateWork({
    onError: onError ?? logServerErrors,
    ...(maxWaitUntil === undefined ? {} : { maxWaitUntil }),
  });
  const app = http1({ ...options, handle, observer, late });
  const { runtime, fallback } = makeRuntime(choice, {
    app,
    observer,
    refusal: refusal(),
    ...(overload === undefined ? {} : { overload }),
    ...(maxConnectionsPerAddress === undefined ? {} : { maxConnectionsPerAddress }),
    ...(layers === undefined ? {} : { layers }),
    ...(maxConnections === undefined ? {} : { maxConnections }),
    ...(writeTimeoutMs === undefined ? {} : { writeTimeoutMs }),
    ...(lingerTimeoutMs === undefined ? {} : { lingerTimeoutMs }),
    ...(minZeroCopyBytes === undefined ? {} : { minZeroCopyBytes }),
    ...(driver === undefined ? {} : { driver }),
    ...(row === undefined ? {} : { board: row.board }),
  });
  const addresses: SocketName[] = [];
  for (const place of places) {
    try {
      addresses.push((await runtime.listen(place)).address);
    } catch (error) {
      observer.close();
      await runtime.close(0);
      throw listenError(error, place);
    }
  }
  return { runtime, observer, late, addresses, fallback };
}

function handleOf(options: ServeOptions): Handle {
  const { fetch, raw, onError } = options;
  if ((fetch === undefined) === (raw === undefined)) {
    throw new TypeError('Cannot serve as exactly one of fetch and raw must be given');
  }
  const settings = onError === undefined ? {} : { onError };
  if (fetch !== undefined && options.fastResponse !== false) installFastResponse();
  return raw === undefined ? fetchHandler(fetch!, settings) : rawHandler(raw, settings);
}

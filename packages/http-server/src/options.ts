import type { FetchHandler, OnError, RawHandler } from './handlers/index.js';
import type { ListenAddress } from './listen/listen-address.js';
import type { ObservationOptions } from './observe/index.js';
import { OTHER_NAMES } from './other-names.js';
import { HTTP1_LIMITS, type Http1Limits } from './protocol/http1/index.js';
import type { RuntimeChoice } from './runtime/choose-runtime.js';
import type { LayerBlueprint } from './sans-io/blueprint.js';

/** Options of {@link serve}. Exactly one of `fetch` and `raw` says what to answer. */
export interface ServeOptions extends AppOptions, ListenAddress, ServerLimits {
  /** Closes the server gracefully when aborted. */
  readonly signal?: AbortSignal;
}

/** Sizes and times of a server that are not HTTP/1.1's own. */
export interface ServerLimits extends Http1Limits {
  /** Connections at once. Default 8192, less where "ulimit -n" is lower. */
  readonly maxConnections?: number;
  /**
   * Above `maxConnections`, further connections wait in the backlog until one closes (`'pause'`, the default), or get 503 with `Retry-After` and
   * `Connection: close` (`'refuse'`), up to 256 at a time.
   */
  readonly overload?: 'pause' | 'refuse';
  /**
   * Connections at once from one address; of IPv6 from one /64 network. More get 503 as with `overload: 'refuse'`. Counted in each worker by
   * itself, and not for Unix sockets. Costs three system calls for each connection. Behind a proxy every connection has its address. Default
   * Infinity.
   */
  readonly maxConnectionsPerAddress?: number;
  /** Longest wait for a peer to take bytes, in milliseconds. Default 30 000. */
  readonly writeTimeoutMs?: number;
  /** Longest wait for a peer's FIN after ours, in milliseconds; longer while it still sends 4 KiB in that time, up to tenfold. Default 2000. */
  readonly lingerTimeoutMs?: number;
  /**
   * Bytes from which a piece of a reply is sent from its memory without a copy (SEND_ZC), where the peer is on another machine: never less than 16 KiB;
   * Infinity turns it off. It is off for a connection, and after several for a minute, once the kernel says that it copied after all. With io_uring from
   * Linux 6.7 on. Default 262,144.
   */
  readonly minZeroCopyBytes?: number;
  /** Promises given to `waitUntil` that may be pending at once, in each worker. Default 10,000. Past it `waitUntil` throws `WORK_FULL` (503). */
  readonly maxWaitUntil?: number;
  /** How long `close()` waits for requests in flight, and for what they gave to `waitUntil`, in milliseconds. Default 30 000. */
  readonly drainTimeoutMs?: number;
  /**
   * How the ring shares its thread with the event loop. `'owner'` (default) costs the least per request; `'embedded'` suits a process in
   * which the server is a side matter.
   */
  readonly driver?: 'owner' | 'embedded';
  /**
   * What does the I/O: `'io-uring'`, `'node'` (node:net), or `'auto'`: io_uring, and where that cannot be set up node:net, with one warning.
   * Default: what the environment says in RINGBEARER_RUNTIME, else `'auto'`.
   */
  readonly runtime?: RuntimeChoice;
}

/** What answers requests: the part of {@link ServeOptions} that is code. */
export interface AppOptions extends ObservationOptions {
  /** Standard objects: `(request, context) => new Response('hi')`. */
  readonly fetch?: FetchHandler;
  /**
   * With `fetch`: makes `FastResponse` the global `Response`, for the life of the process. Node's own costs more than the rest of a
   * small request together (docs/decisions/0007). False leaves the global alone; import `FastResponse` where speed matters then.
   * Default true.
   */
  readonly fastResponse?: boolean;
  /** The fastest form: `(request, reply) => { reply.text('hi'); }`. */
  readonly raw?: RawHandler;
  /** Told of every error a handler throws; may answer in place of the plain 500. */
  readonly onError?: OnError;
  /** Layers in front of HTTP, outermost first. Default none. */
  readonly layers?: readonly LayerBlueprint[];
}

/** Default of `drainTimeoutMs`. */
export const DRAIN_TIMEOUT_MS = 30_000;
/** The options of one function: each with the type a plain mistake would miss, null where another check looks closer. */
export type OptionTypes<Options> = { readonly [K in keyof Options]-?: string | null };

/** Where to listen. */
export const LISTEN_TYPES: OptionTypes<ListenAddress> = {
  hostname: 'string',
  port: 'number',
  path: 'string',
  mode: 'number',
  fd: 'number',
  listen: 'string',
  fdName: 'string',
  backlog: 'number',
  reusePort: 'boolean',
  ipv6Only: 'boolean',
};
/** What answers. */
export const APP_TYPES: OptionTypes<AppOptions> = {
  fetch: 'function',
  fastResponse: 'boolean',
  raw: 'function',
  onError: 'function',
  layers: 'object',
  accessLog: null,
  onClientError: 'function',
  onDisconnect: 'function',
};
/** Limits; those of HTTP/1.1 are checked by it. */
export const LIMIT_TYPES: OptionTypes<ServerLimits> = {
  ...(Object.fromEntries(
    Object.keys(HTTP1_LIMITS).map((name) => [name, null]),
  ) as OptionTypes<Http1Limits>),
  maxConnections: 'number',
  overload: null,
  maxConnectionsPerAddress: 'number',
  writeTimeoutMs: 'number',
  lingerTimeoutMs: 'number',
  minZeroCopyBytes: 'number',
  maxWaitUntil: 'number',
  drainTimeoutMs: 'number',
  driver: null,
  runtime: null,
};
const SERVE_TYPES: OptionTypes<ServeOptions> = {
  ...LISTEN_TYPES,
  ...APP_TYPES,
  ...LIMIT_TYPES,
  signal: 'object',
};

/** Options that are objects of one kind: what is wrong with them should be said before there is a connection. */
const SHAPES: Readonly<Record<string, (value: unknown) => void>> = {
  layers: (value) => {
    const isLayer = (layer: unknown): boolean =>
      typeof (layer as Partial<LayerBlueprint> | null)?.instantiate === 'function';
    if (Array.isArray(value) && value.every(isLayer)) return;
    throw new TypeError(
      'Cannot serve as layers must be an array of blueprints, with name and instantiate()',
    );
  },
  signal: (value) => {
    // Not by its class: other contexts and libraries have their own.
    const { addEventListener, throwIfAborted } = value as Partial<AbortSignal>;
    if (typeof addEventListener === 'function' && typeof throwIfAborted === 'function') return;
    throw new TypeError('Cannot serve as signal must be an AbortSignal');
  },
};

/**
 * Nothing that was asked for is ignored: a limit with a name nobody reads would be no limit.
 *
 * @param verb what cannot be done with them, for messages
 * @throws TypeError for an option that does not exist or has the wrong type
 */
export function checkOptions(options: object, types: object = SERVE_TYPES, verb = 'serve'): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(types, name)) {
      const other = OTHER_NAMES.get(name) ?? '';
      const near = Object.hasOwn(types, other) ? other : nearest(name, Object.keys(types));
      throw new TypeError(
        `Cannot ${verb} as ${name} is no option${near === null ? '' : `: did you mean ${near}?`}`,
      );
    }
    const type = (types as Record<string, string | null>)[name]!;
    if (value !== undefined && type !== null && (typeof value !== type || value === null)) {
      throw new TypeError(
        `Cannot ${verb} as ${name} must be ${type === 'object' ? 'an' : 'a'} ${type}: current value is ${shown(value)}`,
      );
    }
    if (value !== undefined) SHAPES[name]?.(value);
  }
}

/**
 * The drain timeout of one closing or reloading.
 *
 * @throws TypeError, RangeError for options that cannot be
 */
export function drainTimeOf(
  verb: 'close' | 'reload',
  options: { readonly drainTimeoutMs?: number },
  fallback: number,
): number {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `Cannot ${verb} as options must be an object: current value is ${String(options)}`,
    );
  }
  timeOption('drainTimeoutMs', options.drainTimeoutMs, verb);
  return options.drainTimeoutMs ?? fallback;
}

/** @throws RangeError for a time that cannot be */
export function timeOption(name: string, value: number | undefined, verb = 'serve'): void {
  if (value === undefined) return;
  if (typeof value !== 'number' || !(value >= 0)) {
    throw new RangeError(
      `Cannot ${verb} as ${name} must be a number of milliseconds >= 0: current value is ${String(value)}`,
    );
  }
}

/** The least that {@link ServerLimits.minZeroCopyBytes} can be: shorter pieces are copied together. */
const ZERO_COPY_BYTES_MIN = 16_384;

/** @throws RangeError for a size that cannot be */
export function zeroCopyOption(bytes: number | undefined, verb = 'serve'): void {
  if (bytes === undefined || bytes === Number.POSITIVE_INFINITY) return;
  if (Number.isSafeInteger(bytes) && bytes >= ZERO_COPY_BYTES_MIN) return;
  throw new RangeError(
    `Cannot ${verb} as minZeroCopyBytes must be an integer >= ${ZERO_COPY_BYTES_MIN}, or Infinity: current value is ${String(bytes)}`,
  );
}

/** A value for a message: '3000' and 3000 are told apart. */
function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** The option that was probably meant: one that begins like it, or differs in few letters. */
function nearest(name: string, options: readonly string[]): string | null {
  const given = name.toLowerCase();
  let best: string | null = null;
  let least = Math.min(3, Math.ceil(name.length / 3)) + 1;
  for (const option of options) {
    const known = option.toLowerCase();
    const begun = given.length >= 4 && known.startsWith(given);
    const distance = begun ? Math.min(1, known.length - given.length) : edits(given, known);
    if (distance < least) {
      least = distance;
      best = option;
    }
  }
  return best;
}

/** How many letters must be put in, taken out or changed to get from one to the other (Levenshtein). */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}

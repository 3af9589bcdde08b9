import type { FetchHandler, OnError, RawHandler } from './handlers/index.js';
import { HTTP1_LIMITS, type Http1Limits } from './protocol/http1/index.js';
import type { LayerBlueprint } from './sans-io/blueprint.js';

/** Where to listen. Either `path`, or `hostname` and `port`. */
export interface ListenAddress {
  /** Name or literal; names are looked up once. Default `'0.0.0.0'`. */
  readonly hostname?: string;
  /** 0 lets the system choose. Default 3000. */
  readonly port?: number;
  /** Unix socket path; a leading NUL makes it abstract. */
  readonly path?: string;
  /** Connections the kernel queues before they are accepted. Default 4096, capped by net.core.somaxconn. */
  readonly backlog?: number;
  /** Other processes or threads may listen on the same port (SO_REUSEPORT). Default false. */
  readonly reusePort?: boolean;
  /** The IPv6 wildcard takes no IPv4 connections. Default false. */
  readonly ipv6Only?: boolean;
}

/** Options of {@link serve}. Exactly one of `fetch` and `raw` says what to answer. */
export interface ServeOptions extends ListenAddress, Http1Limits {
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
  /** Connections at once. Default 8192, less where "ulimit -n" is lower. */
  readonly maxConnections?: number;
  /** Longest wait for a peer to take bytes, in milliseconds. Default 30 000. */
  readonly writeTimeoutMs?: number;
  /** Longest wait for a peer's FIN after ours, in milliseconds; longer while it still sends, up to tenfold. Default 2000. */
  readonly lingerTimeoutMs?: number;
  /** How long `close()` waits for requests in flight, in milliseconds. Default 30 000. */
  readonly drainTimeoutMs?: number;
  /** Closes the server gracefully when aborted. */
  readonly signal?: AbortSignal;
  /** Layers in front of HTTP, outermost first. Default none. */
  readonly layers?: readonly LayerBlueprint[];
  /**
   * How the ring shares its thread with the event loop. `'owner'` (default) costs the least per request; `'embedded'` suits a process in
   * which the server is a side matter.
   */
  readonly driver?: 'owner' | 'embedded';
}

/** Default of `drainTimeoutMs`. */
export const DRAIN_TIMEOUT_MS = 30_000;
/** Default of `port`. */
export const PORT = 3000;
/** Default of `hostname`. */
export const HOSTNAME = '0.0.0.0';

/** Every option there is, with the type a plain mistake would miss; null where another check looks closer. */
const OPTIONS: { readonly [K in Exclude<keyof ServeOptions, keyof Http1Limits>]-?: string | null } =
  {
    hostname: 'string',
    port: 'number',
    path: 'string',
    backlog: 'number',
    reusePort: 'boolean',
    ipv6Only: 'boolean',
    fetch: 'function',
    fastResponse: 'boolean',
    raw: 'function',
    onError: 'function',
    maxConnections: 'number',
    writeTimeoutMs: 'number',
    lingerTimeoutMs: 'number',
    drainTimeoutMs: 'number',
    signal: 'object',
    layers: 'object',
    driver: null,
  };
const OPTION_NAMES: readonly string[] = [...Object.keys(OPTIONS), ...Object.keys(HTTP1_LIMITS)];

/**
 * Nothing that was asked for is ignored: a limit with a name nobody reads would be no limit.
 *
 * @throws TypeError for an option that does not exist or has the wrong type
 */
export function checkOptions(options: ServeOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (!OPTION_NAMES.includes(name)) {
      const near = nearest(name);
      throw new TypeError(
        `Cannot serve as ${name} is no option${near === null ? '' : `: did you mean ${near}?`}`,
      );
    }
    const type = Object.hasOwn(OPTIONS, name) ? OPTIONS[name as keyof typeof OPTIONS] : null;
    if (value !== undefined && type !== null && (typeof value !== type || value === null)) {
      throw new TypeError(
        `Cannot serve as ${name} must be ${type === 'object' ? 'an' : 'a'} ${type}: current value is ${shown(value)}`,
      );
    }
  }
}

/** A value for a message: '3000' and 3000 are told apart. */
function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** The option that was probably meant: one that begins like it, or differs in few letters. */
function nearest(name: string): string | null {
  const given = name.toLowerCase();
  let best: string | null = null;
  let least = Math.min(3, Math.ceil(name.length / 3)) + 1;
  for (const option of OPTION_NAMES) {
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

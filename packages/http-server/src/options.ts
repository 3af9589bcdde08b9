import type { FetchHandler, OnError, RawHandler } from './handlers/index.js';
import type { Http1Limits } from './protocol/http1/index.js';
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

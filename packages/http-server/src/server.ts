import { LateWork } from './exchange/index.js';
import type { FetchHandler } from './handlers/index.js';
import { launch } from './launch.js';
import { listenPlaces } from './listen/listen-places.js';
import { ServerObserver, type ServerStats, statsOf } from './observe/index.js';
import {
  checkOptions,
  DRAIN_TIMEOUT_MS,
  drainTimeOf,
  type ServeOptions,
  timeOption,
  zeroCopyOption,
} from './options.js';
import type { ServerRuntime } from './runtime/choose-runtime.js';
import type { Capabilities, SocketName } from './runtime/io-uring/index.js';
import { fallbackMessage, warnFallback } from './runtime/warn-fallback.js';
import { serverUrl } from './server-url.js';

/** Options of {@link Server.close}. */
export interface CloseOptions {
  /** How long requests in flight may take, in milliseconds. Default: the server's `drainTimeoutMs`. */
  readonly drainTimeoutMs?: number;
  /**
   * Somebody else serves the address already: idle connections are waited for too, until their next reply, which says `Connection: close`,
   * or the end of their idle time, so that no request is lost that is under way. Default false.
   */
  readonly gently?: boolean;
}

/**
 * A running server. Made by {@link serve}.
 */
export class Server {
  readonly #runtime: ServerRuntime;
  readonly #addresses: readonly SocketName[];
  readonly #observer: ServerObserver;
  readonly #late: LateWork;
  readonly #drainTimeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => void this.close();
  #closing: Promise<void> | null = null;
  #closed!: () => void;
  readonly #ended = new Promise<void>((resolve) => {
    this.#closed = resolve;
  });

  /** Use {@link serve}. */
  constructor(
    runtime: ServerRuntime,
    addresses: readonly SocketName[],
    options: Pick<ServeOptions, 'drainTimeoutMs' | 'signal'>,
    observer: ServerObserver = new ServerObserver(),
    late: LateWork = new LateWork(),
  ) {
    this.#runtime = runtime;
    this.#addresses = addresses;
    this.#observer = observer;
    this.#late = late;
    observer.server.name = addresses[0] ?? null;
    this.#drainTimeoutMs = options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS;
    this.#signal = options.signal;
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Where it listens, with the port the system chose: the first place, where systemd passed several. */
  address(): SocketName {
    return this.#addresses[0]!;
  }

  /** Everywhere it listens. */
  addresses(): readonly SocketName[] {
    return this.#addresses;
  }

  /** `http://host:port/`, with a literal a browser on this machine can open; `unix:path` for a Unix socket. */
  get url(): string {
    return serverUrl(this.address());
  }

  /** What does its I/O. */
  get runtime(): 'io-uring' | 'node' {
    return this.#runtime.kind;
  }

  /**
   * Requests, replies, connections, faults, limits, and the counters of the ring (null where there is none). Makes objects: some times a
   * second, not per request.
   */
  stats(): ServerStats {
    return statsOf(this.#observer.tally, this.#runtime.stats());
  }

  /** What the ring was granted: driver, setup flags, kernel. Null where there is none. */
  capabilities(): Capabilities | null {
    return this.#runtime.capabilities();
  }

  /**
   * Stops accepting, lets requests in flight finish with `Connection: close`, closes idle connections at once, and what is left after
   * the drain timeout. What was given to `waitUntil` is waited for as long. When it resolves, the port is free. Calling it again returns the same Promise; without `gently`, idle connections
   * are waited for no longer then.
   */
  close(options: CloseOptions = {}): Promise<void> {
    let drainTimeoutMs: number;
    try {
      drainTimeoutMs = drainTimeOf('close', options, this.#drainTimeoutMs);
    } catch (error) {
      return Promise.reject(error);
    }
    const { gently = false } = options;
    if (this.#closing === null) this.#closing = this.#close(drainTimeoutMs, gently);
    else if (!gently) this.#runtime.endIdle();
    return this.#closing;
  }

  /** Resolves when the server is closed. */
  wait(): Promise<void> {
    return this.#ended;
  }

  /** The server keeps the process alive (the default). */
  ref(): this {
    this.#runtime.ref();
    return this;
  }

  /** The server does not keep the process alive. */
  unref(): this {
    this.#runtime.unref();
    return this;
  }

  /** {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(drainTimeoutMs: number, gently: boolean): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    const end = performance.now() + drainTimeoutMs;
    try {
      await this.#runtime.close(drainTimeoutMs, gently);
      if (await this.#late.settled(Math.max(end - performance.now(), 0))) return;
      process.emitWarning(
        `The server closed after drainTimeoutMs (${drainTimeoutMs}) with work of waitUntil left: ${this.#late.pending} pending`,
        { type: 'RingbearerWarning', code: 'RINGBEARER_WORK_LEFT' },
      );
    } finally {
      this.#observer.close();
      this.#closed();
    }
  }
}

/**
 * Starts an HTTP server on its own io_uring, in this thread; on node:net where io_uring is not to be had. Accepts connections once the
 * Promise resolves.
 *
 * For several threads see `start`.
 *
 * @param handlerOrOptions a fetch handler, or everything by name
 * @param more the options that go with a handler
 * @throws TypeError, RangeError for an option that does not exist or cannot be
 * @throws the system's error with code (`EADDRINUSE`, `EACCES`), errno and syscall
 * @throws RingSetupError (code `SETUP_FAILED`) where io_uring cannot be used and `runtime` is `'io-uring'`; its message says what to do
 *
 * @example
 * ```ts
 * import { serve } from '@ringbearer/http-server';
 *
 * const server = await serve({ port: 0, fetch: () => new Response('Hello') });
 * console.log(await (await fetch(server.url)).text());
 * await server.close();
 * ```
 */
export async function serve(
  handlerOrOptions: FetchHandler | ServeOptions,
  more: ServeOptions = {},
): Promise<Server> {
  if (typeof more !== 'object' || more === null) {
    throw new TypeError(
      `Cannot serve as options must be an object: current value is ${String(more)}`,
    );
  }
  const options: ServeOptions =
    typeof handlerOrOptions === 'function'
      ? { ...more, fetch: handlerOrOptions }
      : handlerOrOptions;
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `Cannot serve as options must be a handler or an object: current value is ${String(options)}`,
    );
  }
  refuseWorkers(options);
  refuseWorkers(more);
  checkOptions(options);
  options.signal?.throwIfAborted();
  timeOption('drainTimeoutMs', options.drainTimeoutMs);
  timeOption('writeTimeoutMs', options.writeTimeoutMs);
  timeOption('lingerTimeoutMs', options.lingerTimeoutMs);
  zeroCopyOption(options.minZeroCopyBytes);
  const places = await listenPlaces(options);
  const { runtime, addresses, observer, late, fallback } = await launch(options, places);
  if (fallback !== null) warnFallback(fallbackMessage(fallback));
  return new Server(runtime, addresses, options, observer, late);
}

/** A handler is a function, and lives in one thread. */
function refuseWorkers(options: object): void {
  const { workers } = options as { workers?: unknown };
  if (workers === undefined) return;
  throw new TypeError(
    `Cannot serve with workers: ${String(workers)} as a handler cannot cross threads: put it into a module of its own, "export default { fetch }", and call start({ app: new URL('./app.js', import.meta.url), workers: ${typeof workers === 'number' ? workers : "'auto'"} })`,
  );
}

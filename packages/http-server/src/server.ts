import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import {
  type FetchHandler,
  fetchHandler,
  installFastResponse,
  rawHandler,
} from './handlers/index.js';
import { checkOptions, DRAIN_TIMEOUT_MS, HOSTNAME, PORT, type ServeOptions } from './options.js';
import { type Handle, http1 } from './protocol/http1/index.js';
import {
  type Capabilities,
  IoUringRuntime,
  type RuntimeStats,
  type SocketName,
} from './runtime/io-uring/index.js';

/** Options of {@link Server.close}. */
export interface CloseOptions {
  /** How long requests in flight may take, in milliseconds. Default: the server's `drainTimeoutMs`. */
  readonly drainTimeoutMs?: number;
}

/**
 * A running server. Made by {@link serve}.
 */
export class Server {
  readonly #runtime: IoUringRuntime;
  readonly #address: SocketName;
  readonly #drainTimeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => void this.close();
  #closing: Promise<void> | null = null;
  #closed!: () => void;
  readonly #ended = new Promise<void>((resolve) => {
    this.#closed = resolve;
  });

  /** Use {@link serve}. */
  constructor(runtime: IoUringRuntime, address: SocketName, options: ServeOptions) {
    this.#runtime = runtime;
    this.#address = address;
    this.#drainTimeoutMs = options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS;
    this.#signal = options.signal;
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Where it listens, with the port the system chose. */
  address(): SocketName {
    return this.#address;
  }

  /** `http://host:port/`, with a literal a browser on this machine can open; `unix:path` for a Unix socket. */
  get url(): string {
    const name = this.#address;
    if (name.family === 'Unix') return `unix:${name.path.replace('\0', '@')}`;
    if (name.family === 'IPv6')
      return `http://[${name.address === '::' ? '::1' : name.address}]:${name.port}/`;
    return `http://${name.address === '0.0.0.0' ? '127.0.0.1' : name.address}:${name.port}/`;
  }

  /** Connections, and the counters of the ring. */
  stats(): RuntimeStats {
    return this.#runtime.stats();
  }

  /** What the ring was granted: driver, setup flags, kernel. */
  capabilities(): Capabilities {
    return this.#runtime.capabilities();
  }

  /**
   * Stops accepting, lets requests in flight finish with `Connection: close`, closes idle connections at once, and what is left after
   * the drain timeout. When it resolves, the port is free. Calling it again returns the same Promise.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.drainTimeoutMs ?? this.#drainTimeoutMs);
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

  async #close(drainTimeoutMs: number): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    try {
      await this.#runtime.close(drainTimeoutMs);
    } finally {
      this.#closed();
    }
  }
}

/**
 * Starts an HTTP server on its own io_uring, in this thread. Accepts connections once the Promise resolves.
 *
 * @param handlerOrOptions a fetch handler, or everything by name
 * @throws TypeError, RangeError for an option that does not exist or cannot be
 * @throws the system's error with code (`EADDRINUSE`, `EACCES`), errno and syscall
 * @throws RingSetupError (code `SETUP_FAILED`) where io_uring cannot be used; its message says what to do
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
export async function serve(handlerOrOptions: FetchHandler | ServeOptions): Promise<Server> {
  const options: ServeOptions =
    typeof handlerOrOptions === 'function' ? { fetch: handlerOrOptions } : handlerOrOptions;
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `Cannot serve as options must be a handler or an object: current value is ${String(options)}`,
    );
  }
  checkOptions(options);
  options.signal?.throwIfAborted();
  checkTime('drainTimeoutMs', options.drainTimeoutMs);
  checkTime('writeTimeoutMs', options.writeTimeoutMs);
  checkTime('lingerTimeoutMs', options.lingerTimeoutMs);
  const app = http1({ ...options, handle: handleOf(options) });
  const address =
    options.path === undefined ? await literal(options.hostname ?? HOSTNAME) : undefined;
  const runtime = new IoUringRuntime({
    app,
    ...(options.layers === undefined ? {} : { layers: options.layers }),
    ...(options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections }),
    ...(options.writeTimeoutMs === undefined ? {} : { writeTimeoutMs: options.writeTimeoutMs }),
    ...(options.lingerTimeoutMs === undefined ? {} : { lingerTimeoutMs: options.lingerTimeoutMs }),
    ...(options.driver === undefined ? {} : { driver: options.driver }),
  });
  try {
    const listener = runtime.listen({
      ...(address === undefined
        ? { path: options.path! }
        : { address, port: options.port ?? PORT }),
      ...(options.backlog === undefined ? {} : { backlog: options.backlog }),
      reusePort: options.reusePort ?? false,
      ipv6Only: options.ipv6Only ?? false,
    });
    return new Server(runtime, listener.address, options);
  } catch (error) {
    await runtime.close(0);
    throw error;
  }
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

async function literal(hostname: string): Promise<string> {
  if (isIP(hostname) !== 0) return hostname;
  return (await lookup(hostname)).address;
}

function checkTime(name: string, value: number | undefined): void {
  if (value === undefined) return;
  if (typeof value !== 'number' || !(value >= 0)) {
    throw new RangeError(
      `Cannot serve as ${name} must be a number of milliseconds >= 0: current value is ${String(value)}`,
    );
  }
}

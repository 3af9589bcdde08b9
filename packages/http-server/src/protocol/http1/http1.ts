import { LateWork } from '../../exchange/late-work.js';
import { type HttpObserver, TallyObserver } from '../../exchange/observer.js';
import type { Blueprint } from '../../sans-io/blueprint.js';
import type { Left } from '../../sans-io/left.js';
import { Http1Connection } from './http1-connection.js';
import { type Handle, Http1Context } from './http1-context.js';
import { type Http1Limits, resolveHttp1Limits } from './limits.js';

/** {@link Http1Limits} and the handler. */
export interface Http1Options extends Http1Limits {
  /** Made by `rawHandler` or `fetchHandler`, or any function of this shape. */
  readonly handle: Handle;
  /** The connection is secured by a layer on the left, so URLs are `https`. Default false. */
  readonly secure?: boolean;
  /** Hears of connections, requests and faults. Default: counts, and tells nobody. */
  readonly observer?: HttpObserver;
  /** What waits for work after replies. Default: one of its own, with the defaults. */
  readonly late?: LateWork;
}

/**
 * The blueprint of an HTTP/1.1 server connection (RFC 9112). One blueprint serves one thread: its connections share parse tables and ready-made
 * heads.
 *
 * @throws TypeError or RangeError when an option is wrong
 * @example
 * ```ts
 * import { http1, MemoryRuntime, rawHandler } from '@ringbearer/http-server';
 *
 * const app = http1({ handle: rawHandler((request, reply) => reply.text('Hello, World!')), maxBodyBytes: 0 });
 * const peer = new MemoryRuntime(app).connect();
 * console.log(peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n').run().received);
 * ```
 */
export function http1(options: Http1Options): Blueprint {
  const handle: unknown = options?.handle;
  if (typeof handle !== 'function') {
    throw new TypeError(
      `Cannot configure HTTP/1.1 as handle must be a function: current value is ${String(handle)}`,
    );
  }
  const context = new Http1Context(
    resolveHttp1Limits(options),
    options.handle,
    options.secure ?? false,
    options.observer ?? new TallyObserver(),
    options.late ?? new LateWork(),
  );
  return {
    name: 'http/1.1',
    instantiate: (left: Left) => new Http1Connection(left, context),
  };
}

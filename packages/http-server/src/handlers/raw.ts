import { HttpServerError } from '../exchange/errors.js';
import type { HttpReply } from '../exchange/reply.js';
import type { HttpRequest } from '../exchange/request.js';

/**
 * A handler on the exchange itself, the fastest kind. It may reply before it returns, before its promise settles or, when it
 * returns nothing, at any later time.
 */
export type RawHandler = (request: HttpRequest, reply: HttpReply) => void | Promise<void>;

/** What handlers of every kind may be given. */
export interface HandlerOptions {
  /**
   * Told of every error a handler lets escape, before the reply. It may reply itself; when it does not, the status is that of an
   * `HttpServerError`, else 500. Default: `console.error` for errors that are the server's (5xx).
   */
  readonly onError?: (error: unknown, request: HttpRequest, reply: HttpReply) => void;
}

/** The default of {@link HandlerOptions.onError}. */
export function logServerErrors(error: unknown): void {
  if (error instanceof HttpServerError && error.status < 500) return;
  if (error instanceof HttpServerError && error.code === 'PEER_GONE') return;
  console.error(error);
}

/**
 * Adapts a raw handler for a protocol's `handle`.
 *
 * @throws TypeError when `handler` is not a function
 * @example
 * ```ts
 * http1({ handle: rawHandler((request, reply) => reply.text('Hello, World!')) });
 * ```
 */
export function rawHandler(handler: RawHandler, options: HandlerOptions = {}): RawHandler {
  if (typeof handler !== 'function') {
    throw new TypeError(
      `Cannot make a handler as handler must be a function: current value is ${String(handler)}`,
    );
  }
  const onError = options.onError ?? logServerErrors;
  return (request, reply) => {
    let settled: unknown;
    try {
      settled = handler(request, reply);
    } catch (error) {
      onError(error, request, reply);
      if (!reply.finished) throw error;
      return undefined;
    }
    if (settled === undefined || !isPromise(settled)) return undefined;
    return watch(settled, request, reply, onError);
  };
}

async function watch(
  settled: Promise<void>,
  request: HttpRequest,
  reply: HttpReply,
  onError: NonNullable<HandlerOptions['onError']>,
): Promise<void> {
  try {
    await settled;
    if (!reply.started) {
      throw new HttpServerError('REPLY_MISSING', 'The handler settled without a reply');
    }
  } catch (error) {
    onError(error, request, reply);
    if (!reply.finished) throw error;
  }
}

/** Handlers may return anything, a boolean from `reply.write` or a timer; only a promise is waited for. */
function isPromise(value: unknown): value is Promise<void> {
  return typeof (value as { then?: unknown } | null)?.then === 'function';
}

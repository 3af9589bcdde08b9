import { HttpServerError } from '../exchange/errors.js';
import type { HttpReply } from '../exchange/reply.js';
import type { HttpRequest } from '../exchange/request.js';

/**
 * Told of every error that escapes a handler. It may reply itself, or, with a fetch handler, return a `Response`, at once or in a promise. When
 * nothing was sent after that, the status is that of an `HttpServerError`, else 500.
 */
export type OnError = (error: unknown, request: HttpRequest, reply: HttpReply) => unknown;

/** What handlers of every kind may be given. */
export interface HandlerOptions {
  /** Default: {@link logServerErrors}. */
  readonly onError?: OnError;
}

/** The default {@link OnError}: `console.error` for errors that are the server's, silence for those of the peer. */
export function logServerErrors(error: unknown): void {
  if (error instanceof HttpServerError && (error.status < 500 || error.code === 'PEER_GONE')) {
    return;
  }
  console.error(error);
}

/** @throws TypeError when `handler` is not a function */
export function assertHandler(handler: unknown): void {
  if (typeof handler !== 'function') {
    throw new TypeError(
      `Cannot make a handler as handler must be a function: current value is ${String(handler)}`,
    );
  }
}

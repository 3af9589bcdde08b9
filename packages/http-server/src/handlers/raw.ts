import { HttpServerError } from '../exchange/errors.js';
import { isPromise } from '../exchange/is-promise.js';
import type { HttpReply } from '../exchange/reply.js';
import type { HttpRequest } from '../exchange/request.js';
import { assertHandler, type HandlerOptions, logServerErrors, type OnError } from './on-error.js';

/**
 * A handler on the exchange itself, the fastest kind. It may reply before it returns, before its promise settles or, when it
 * returns nothing, at any later time.
 */
export type RawHandler = (request: HttpRequest, reply: HttpReply) => void | Promise<void>;

/**
 * Adapts a raw handler for a protocol's `handle`.
 *
 * @throws TypeError when `handler` is not a function
 * @example
 * ```ts
 * import { http1, MemoryRuntime, rawHandler } from '@ringbearer/http-server';
 *
 * const app = http1({ handle: rawHandler((request, reply) => reply.text('Hello, World!')) });
 * console.log(new MemoryRuntime(app).connect().send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').run().received);
 * ```
 */
export function rawHandler(handler: RawHandler, options: HandlerOptions = {}): RawHandler {
  assertHandler(handler);
  const onError = options.onError ?? logServerErrors;
  return (request, reply) => {
    let result: unknown;
    try {
      result = handler(request, reply);
    } catch (error) {
      return recover(error, request, reply, onError);
    }
    if (result === undefined) return undefined;
    if (!isPromise<void>(result)) {
      return isResponse(result) ? recover(responded(), request, reply, onError) : undefined;
    }
    return watch(result, request, reply, onError);
  };
}

function watch(
  pending: Promise<void>,
  request: HttpRequest,
  reply: HttpReply,
  onError: OnError,
): Promise<void> {
  const failed = (error: unknown): Promise<void> | undefined =>
    recover(error, request, reply, onError);
  // Anybody's thenable becomes a promise; a promise stays itself.
  return Promise.resolve(pending).then((result: unknown) => {
    if (reply.started) return undefined;
    return failed(isResponse(result) ? responded() : missing());
  }, failed);
}

function missing(): HttpServerError {
  return new HttpServerError('REPLY_MISSING', 'The handler settled without a reply');
}

/** Nobody would send it, and the client wait for the handler timeout. */
function isResponse(result: unknown): boolean {
  return typeof result === 'object' && result !== null && result instanceof Response;
}

function responded(): HttpServerError {
  return new HttpServerError(
    'REPLY_MISSING',
    'The raw handler returned a Response, which is not sent: call reply.text() or another of its members, or give the handler as fetch',
  );
}

function recover(
  error: unknown,
  request: HttpRequest,
  reply: HttpReply,
  onError: OnError,
): Promise<void> | undefined {
  const result = onError(error, request, reply);
  if (isPromise(result)) {
    return result.then(() => {
      if (!reply.finished) throw error;
    });
  }
  if (!reply.finished) throw error;
  return undefined;
}

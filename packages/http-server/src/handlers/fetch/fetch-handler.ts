import { isPromise } from '../../exchange/is-promise.js';
import type { HttpReply } from '../../exchange/reply.js';
import type { HttpRequest } from '../../exchange/request.js';
import { assertHandler, type HandlerOptions, logServerErrors } from '../on-error.js';
import type { RawHandler } from '../raw.js';
import { FastResponse } from './fast-response.js';
import { FetchContext } from './fetch-context.js';
import { LazyRequest } from './lazy-request.js';
import { dropResponse, sendResponse } from './send-response.js';

/** A handler on standard objects, as Deno.serve, Bun.serve and Cloudflare Workers have it. */
export type FetchHandler = (
  request: Request,
  context: FetchContext,
) => Response | Promise<Response>;

/**
 * Adapts a fetch handler for a protocol's `handle`. Request, URL, headers, body and signal are built when they are asked for.
 *
 * @throws TypeError when `handler` is not a function
 * @example
 * ```ts
 * import { fetchHandler, http1, MemoryRuntime } from '@ringbearer/http-server';
 *
 * const app = http1({ handle: fetchHandler(async (request) => new Response(`You asked for ${request.url}`)) });
 * const peer = new MemoryRuntime(app).connect().send('GET /a?b HTTP/1.1\r\nHost: example.com\r\n\r\n');
 * console.log((await peer.settle()).received);
 * ```
 */
export function fetchHandler(handler: FetchHandler, options: HandlerOptions = {}): RawHandler {
  assertHandler(handler);
  const onError = options.onError ?? logServerErrors;

  const recover = async (error: unknown, request: HttpRequest, reply: HttpReply): Promise<void> => {
    const response = await onError(error, request, reply);
    if (reply.finished) return;
    if (!(response instanceof FastResponse) || reply.started) throw error;
    await sendResponse(response, request, reply);
  };

  const later = (
    pending: Promise<Response>,
    request: HttpRequest,
    reply: HttpReply,
  ): Promise<void> => {
    const failed = (error: unknown): Promise<void> => recover(error, request, reply);
    // Anybody's thenable becomes a promise; a promise stays itself.
    return Promise.resolve(pending).then((response) => {
      // The peer is gone, or a limit ended the exchange: there is nobody to answer.
      if (reply.finished) {
        dropResponse(response, reply);
        return undefined;
      }
      try {
        return sendResponse(response, request, reply)?.catch(failed);
      } catch (error) {
        return failed(error);
      }
    }, failed);
  };

  return (request, reply) => {
    const lazy = new LazyRequest(request) as unknown as Request;
    const context = new FetchContext(request, reply, onError);
    try {
      const response = handler(lazy, context);
      if (isPromise<Response>(response)) {
        request.retain();
        return later(response, request, reply);
      }
      const sent = sendResponse(response, request, reply);
      if (sent === undefined) return undefined;
      request.retain();
      return sent.catch((error: unknown) => recover(error, request, reply));
    } catch (error) {
      request.retain();
      return recover(error, request, reply);
    }
  };
}

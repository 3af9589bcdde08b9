/**
 * What went wrong, stable across releases.
 *
 * - `EXCHANGE_FINISHED`: a request or reply was used after its exchange was over
 * - `REPLY_STARTED`: status or fields were changed after the head was sent, or a second reply was attempted
 * - `REPLY_MISSING`: the handler's promise settled and no reply was begun
 * - `LENGTH_MISMATCH`: more or fewer body bytes were written than `Content-Length` declared
 * - `BODY_USED`: the request body was already being read in another way
 * - `BODY_TOO_LARGE`: the request body is above its limit (status 413)
 * - `BODY_INVALID`: the peer broke the framing of its body, or ended before its end (status 400)
 * - `LEASE_RELEASED`: the lease of a body was used after it was released, given to a reply, or its exchange was over
 * - `LEASE_BUSY`: the lease of a body was released or sent while an operation has its memory
 * - `BODY_NOT_JSON`: `json()` found something else (status 400)
 * - `BODY_TIMEOUT`: the peer sent no body byte within the limit (status 408)
 * - `REPLY_TIMEOUT`: the handler sent nothing for `handlerTimeoutMs` (status 503)
 * - `PEER_GONE`: the peer sends no more, or the connection was lost
 * - `WORK_FULL`: more promises were given to `waitUntil` than `maxWaitUntil` may be pending (status 503)
 * - `WORKER_FAILED`: a worker did not start, or ended and is not to be restarted (any more); `cause` says why
 * - `SERVER_CLOSED`: a reload was asked of a server that closes
 */
export type HttpServerErrorCode =
  | 'EXCHANGE_FINISHED'
  | 'REPLY_STARTED'
  | 'REPLY_MISSING'
  | 'LENGTH_MISMATCH'
  | 'BODY_USED'
  | 'BODY_TOO_LARGE'
  | 'BODY_INVALID'
  | 'LEASE_RELEASED'
  | 'LEASE_BUSY'
  | 'BODY_NOT_JSON'
  | 'BODY_TIMEOUT'
  | 'REPLY_TIMEOUT'
  | 'PEER_GONE'
  | 'WORK_FULL'
  | 'WORKER_FAILED'
  | 'SERVER_CLOSED';

/**
 * A failure of the HTTP server, of its peer or of its caller. Thrown out of a handler before the reply began, it is answered with
 * {@link status} and, for 4xx, its message.
 */
export class HttpServerError extends Error {
  /** Name of the class. */
  override readonly name = 'HttpServerError';
  /** Why, for programs. */
  readonly code: HttpServerErrorCode;
  /** The status a handler that lets this error escape answers with. */
  readonly status: number;

  constructor(code: HttpServerErrorCode, message: string, status = 500, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = status;
  }
}

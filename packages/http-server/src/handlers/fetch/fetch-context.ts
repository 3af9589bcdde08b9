import type { FieldsInit, HttpReply } from '../../exchange/reply.js';
import type { HttpRequest } from '../../exchange/request.js';
import type { TraceContext } from '../../exchange/trace-context.js';
import type { PeerAddress } from '../../sans-io/left.js';
import type { OnError } from '../on-error.js';

/** What a fetch handler learns beside its request. */
export class FetchContext {
  readonly #request: HttpRequest;
  readonly #reply: HttpReply;
  readonly #onError: OnError;

  constructor(request: HttpRequest, reply: HttpReply, onError: OnError) {
    this.#request = request;
    this.#reply = reply;
    this.#onError = onError;
  }

  /** Where the request came from. */
  get peer(): PeerAddress | null {
    return this.#request.peer();
  }

  /** `'1.1'` or `'1.0'`. */
  get httpVersion(): '1.0' | '1.1' | '2.0' {
    return this.#request.httpVersion;
  }

  /** Where the client stands in a distributed trace, or null: see {@link HttpRequest.trace}. */
  get trace(): TraceContext | null {
    return this.#request.trace;
  }

  /** Name and value of every request field line, in the order and case they were sent. */
  get rawHeaders(): string[] {
    return this.#request.rawHeaders;
  }

  /** The most bytes the body of this request may have, to be set before it is read: see {@link HttpRequest.maxBodyBytes}. */
  get maxBodyBytes(): number {
    return this.#request.maxBodyBytes;
  }
  set maxBodyBytes(bytes: number) {
    this.#request.maxBodyBytes = bytes;
  }

  /**
   * Work that goes on after the response. Its failure goes to `onError`; the request's method, URL and headers stay readable. A server that closes waits
   * for it. @throws as {@link HttpRequest.waitUntil}
   */
  waitUntil(work: PromiseLike<unknown>): void {
    this.#request.waitUntil(work, this.#onError);
  }

  /** Sends an interim response, such as 103 Early Hints. @throws as {@link HttpReply.informational} */
  informational(status: number, fields?: FieldsInit): void {
    this.#reply.informational(status, fields);
  }
}

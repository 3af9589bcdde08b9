import type { FieldsInit, HttpReply } from '../../exchange/reply.js';
import type { HttpRequest } from '../../exchange/request.js';
import type { TraceContext } from '../../exchange/trace-context.js';
import type { PeerAddress } from '../../sans-io/left.js';

/** What a fetch handler learns beside its request. */
export class FetchContext {
  readonly #request: HttpRequest;
  readonly #reply: HttpReply;
  readonly #onError: (error: unknown) => void;

  constructor(request: HttpRequest, reply: HttpReply, onError: (error: unknown) => void) {
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

  /** Work that goes on after the response. Its failure goes to `onError`; the request's method, URL and headers stay readable. */
  waitUntil(work: Promise<unknown>): void {
    if (this.#request.live) this.#request.retain();
    work.then(undefined, this.#onError);
  }

  /** Sends an interim response, such as 103 Early Hints. @throws as {@link HttpReply.informational} */
  informational(status: number, fields?: FieldsInit): void {
    this.#reply.informational(status, fields);
  }
}

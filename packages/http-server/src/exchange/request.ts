import type { PeerAddress } from '../sans-io/left.js';
import type { BodyLease } from './body-lease.js';
import type { Carrier } from './carrier.js';
import { HttpServerError } from './errors.js';
import type { LateFailure } from './late-work.js';
import type { BodyOptions, RequestBody, TrailerField } from './request-body.js';
import type { RequestHead } from './request-head.js';
import { parseTraceContext, type TraceContext } from './trace-context.js';

/**
 * One request. Everything is read from the received bytes when asked for; nothing is decoded, joined or copied before.
 *
 * A request may be used until its exchange is over: until the handler returned or its promise settled, and the reply is complete.
 * After that every member throws `EXCHANGE_FINISHED`, unless {@link retain} was called, which keeps the head readable. When the peer goes away first,
 * the head stays readable, the signal is aborted and reading the body fails with `PEER_GONE`.
 *
 * @example
 * ```ts
 * import { serve } from '@ringbearer/http-server';
 *
 * const server = await serve({
 *   port: 0,
 *   raw: (request, reply) => {
 *     reply.text(`${request.method} ${request.path} of ${request.header('user-agent') ?? 'nobody'}`);
 *   },
 * });
 * console.log(await (await fetch(`${server.url}/a`, { headers: { 'User-Agent': 'Frodo' } })).text());
 * await server.close();
 * ```
 */
export class HttpRequest implements Iterable<readonly [name: string, value: string]> {
  readonly #carrier: Carrier;
  readonly #generation: number;
  #kept: RequestHead | null = null;

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
    this.#generation = carrier.generation;
  }

  /** As sent, case-sensitive (RFC 9110 section 9.1). */
  get method(): string {
    return this.#head().method;
  }

  /** The request target as sent (RFC 9112 section 3.2), one character per byte. */
  get target(): string {
    return this.#head().target;
  }

  /** The path of the target as sent: not decoded, not normalised. */
  get path(): string {
    return this.#head().path;
  }

  /** What follows the first `?`, without it. Empty when there is none. */
  get query(): string {
    return this.#head().query;
  }

  /** The authority the client asked for: of an absolute target, else of `Host` (RFC 9110 section 7.2). */
  get host(): string {
    return this.#head().host;
  }

  /** `https` when the connection is secured. */
  get scheme(): 'http' | 'https' {
    return this.#head().scheme;
  }

  /** `'1.1'` or `'1.0'`. */
  get httpVersion(): '1.0' | '1.1' | '2.0' {
    return this.#head().httpVersion;
  }

  /** A field in any case, its lines joined with `, ` (`; ` for Cookie), or undefined. Values are latin1. */
  header(name: string): string | undefined {
    return this.#head().field(name);
  }

  /** Name and value of every field line, in the order and case they were sent. */
  *[Symbol.iterator](): IterableIterator<readonly [name: string, value: string]> {
    const count = this.#head().fieldCount;
    for (let i = 0; i < count; i++) {
      const head = this.#head();
      yield [head.fieldName(i), head.fieldValue(i)];
    }
  }

  /**
   * Where the client stands in a distributed trace: its `traceparent` and `tracestate` (W3C Trace Context), or null when it sent none that is valid.
   * Parsed each time it is asked for.
   */
  get trace(): TraceContext | null {
    const head = this.#head();
    const parent = head.field('traceparent');
    return parent === undefined ? null : parseTraceContext(parent, head.field('tracestate'));
  }

  /** Names and values alternating, as `rawHeaders` of node:http. */
  get rawHeaders(): string[] {
    const head = this.#head();
    const raw: string[] = [];
    for (let i = 0; i < head.fieldCount; i++) raw.push(head.fieldName(i), head.fieldValue(i));
    return raw;
  }

  /** Where the request came from. May cost system calls the first time. */
  peer(): PeerAddress | null {
    return this.#live().peer();
  }

  /** False when there is no body, or an empty one. */
  get hasBody(): boolean {
    return this.#live().hasBody;
  }

  /** The body, to be read piece by piece. */
  get body(): RequestBody {
    return this.#live().body();
  }

  /** The whole body. @throws as {@link RequestBody.bytes} */
  bytes(options?: BodyOptions): Promise<Uint8Array> {
    return this.#live().body().bytes(options);
  }

  /** The whole body where it was received, to be read, sent on and given back. @throws as {@link RequestBody.lease} */
  lease(options?: BodyOptions): Promise<BodyLease> {
    return this.#live().body().lease(options);
  }

  /** The whole body as UTF-8 text. @throws as {@link RequestBody.bytes} */
  text(options?: BodyOptions): Promise<string> {
    return this.#live().body().text(options);
  }

  /** The whole body as JSON. @throws as {@link RequestBody.json} */
  json(options?: BodyOptions): Promise<unknown> {
    return this.#live().body().json(options);
  }

  /**
   * The most bytes the body of this request may have: the server's `maxBodyBytes`, unless it is set here, for this request, to less or, up to the server's
   * `maxRaisedBodyBytes`, to more. To be set before the body is read: one that is known to be too large is refused by the first read, with 413 and
   * without `100 Continue`; one whose length is not known with the byte that is too much.
   *
   * @throws TypeError, RangeError when set to anything but an integer >= 0 or `Infinity`, or to more than `maxRaisedBodyBytes`
   */
  get maxBodyBytes(): number {
    return this.#live().maxBodyBytes;
  }
  set maxBodyBytes(bytes: number) {
    const carrier = this.#live();
    assertBodyLimit(bytes);
    carrier.maxBodyBytes = bytes;
  }

  /** The trailer section, empty until the body was read to its end. */
  get trailers(): readonly TrailerField[] {
    return this.#live().body().trailers;
  }

  /**
   * Aborted when the client goes away before the reply is complete: it reset the connection, a limit ended the exchange, or it sent FIN. After a FIN
   * nobody can tell a client that is gone from one that only finished sending, so a reply is still delivered: a handler that ignores the signal
   * serves both, as long as it sends something every `halfCloseTimeoutMs`. The reason is an `HttpServerError`, `PEER_GONE` unless a limit was the cause.
   *
   * A FIN is noticed once everything before it was received: not while further pipelined requests or an unread body wait. Built on first use.
   */
  get signal(): AbortSignal {
    return this.#live().signal();
  }

  /**
   * Work that goes on after the reply. The head stays readable, and a server that closes waits for it, no longer than its drain timeout.
   *
   * @param onError told when the work fails; default: the server's own `onError`. The reply it is given is over
   * @throws TypeError when `work` is no promise
   * @throws HttpServerError `WORK_FULL` (503) when `maxWaitUntil` promises are pending
   */
  waitUntil(work: PromiseLike<unknown>, onError?: LateFailure): void {
    if (this.live) this.retain();
    this.#carrier.waitUntil(work, this, onError);
  }

  /** True until the exchange is over. */
  get live(): boolean {
    return this.#carrier.generation === this.#generation;
  }

  /** The exchange ended without its reply: the peer went away, or a limit was reached. */
  get lost(): boolean {
    return this.#carrier.lost === this.#generation;
  }

  /** Copies the head so that it stays readable for ever. Costs one copy of its bytes. */
  retain(): this {
    if (this.#kept === null) this.#kept = this.#live().keepHead();
    return this;
  }

  #head(): RequestHead {
    return this.#kept ?? this.#live().head;
  }

  #live(): Carrier {
    const carrier = this.#carrier;
    if (carrier.generation !== this.#generation && carrier.lost !== this.#generation) {
      throw new HttpServerError('EXCHANGE_FINISHED', 'This request is over');
    }
    return carrier;
  }
}

function assertBodyLimit(bytes: unknown): void {
  if (typeof bytes !== 'number') {
    throw new TypeError(
      `Cannot limit a body as maxBodyBytes must be a number: current value is ${typeof bytes === 'string' ? `'${bytes}'` : String(bytes)}`,
    );
  }
  if (bytes === Number.POSITIVE_INFINITY || (Number.isSafeInteger(bytes) && bytes >= 0)) return;
  throw new RangeError(
    `Cannot limit a body as maxBodyBytes must be an integer >= 0 or Infinity: current value is ${bytes}`,
  );
}

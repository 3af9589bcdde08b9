import {
  type Carrier,
  REPLY_DONE,
  REPLY_NONE,
  REPLY_STREAMING,
  type ReplyPhase,
} from '../../exchange/carrier.js';
import { type ContentKind, KIND_NONE, KIND_TEXT } from '../../exchange/content-kind.js';
import { DrainGate } from '../../exchange/drain-gate.js';
import { HttpServerError } from '../../exchange/errors.js';
import { ExchangeSignals, peerGone } from '../../exchange/exchange-signals.js';
import { isPromise } from '../../exchange/is-promise.js';
import { HttpReply } from '../../exchange/reply.js';
import type { ReplyFields } from '../../exchange/reply-fields.js';
import { HttpRequest } from '../../exchange/request.js';
import { RequestBody } from '../../exchange/request-body.js';
import type { RequestHead } from '../../exchange/request-head.js';
import type { Blueprint } from '../../sans-io/blueprint.js';
import type { Left, PeerAddress } from '../../sans-io/left.js';
import type { ExchangeHost } from './exchange-host.js';
import {
  CONNECTION_CLOSE,
  CONNECTION_DEFAULT,
  CONNECTION_KEEP_ALIVE,
  headBytesMax,
  writeHead,
} from './head-writer.js';
import type { Http1Context } from './http1-context.js';
import type { Http1Head } from './http1-head.js';
import { writeInterim, writeUpgrade } from './interim-reply.js';
import { METHOD_HEAD, METHOD_OPTIONS } from './methods.js';
import { ReplyStream } from './reply-stream.js';
import { writeReserved } from './reserved.js';
import { wholeLength, writeShortText, writeWhole } from './whole-reply.js';

const EMPTY = new Uint8Array(0);
const RESOLVED = Promise.resolve();

/**
 * The exchanges of one connection, one at a time: the {@link Carrier} of its handles. Made with the first request, used for all.
 *
 * The reply goes NONE -> STREAMING -> DONE, and the generation counts exchanges, so that a handle of an earlier one finds itself outdated.
 */
export class Http1Exchange implements Carrier {
  readonly #host: ExchangeHost;
  readonly #left: Left;
  readonly #context: Http1Context;

  generation = 0;
  lost = -1;
  head: RequestHead;
  replyPhase: ReplyPhase = REPLY_NONE;
  hasBody = false;
  bodyLength = 0;
  /** The connection goes on after this reply. */
  keepAlive = true;
  /** Within the handler's synchronous part: the exchange may not be torn down under it. */
  dispatching = false;

  /** HTTP/1.1, stays open, not HEAD, no body: a reply needs no second look at the request. */
  #plain = false;
  #isHead = false;
  #modern = true;
  #stream: ReplyStream | null = null;
  #body: RequestBody | null = null;
  #signals: ExchangeSignals | null = null;
  /** Writers that wait for the peer; opened by the connection's drain, whichever exchange that falls into. */
  #drain: DrainGate | null = null;

  constructor(host: ExchangeHost, left: Left, context: Http1Context) {
    this.#host = host;
    this.#left = left;
    this.#context = context;
    this.head = context.head;
  }

  // ---------------------------------------------------------------- the connection's side

  /** The next exchange. @param bodyLength as declared, 0 without a body, -1 for chunks */
  begin(head: Http1Head, keepAlive: boolean, bodyLength: number): void {
    const isHead = head.methodCode === METHOD_HEAD;
    const modern = head.version === 11;
    this.#isHead = isHead;
    this.#modern = modern;
    this.#plain = keepAlive && modern && !isHead && bodyLength === 0;
    this.keepAlive = keepAlive;
    this.bodyLength = bodyLength;
    this.hasBody = bodyLength !== 0;
    this.head = head;
    this.replyPhase = REPLY_NONE;
    this.generation++;
    if (this.#body !== null) this.#body = null;
    if (this.#signals !== null) this.#signals = null;
  }

  /** Runs the handler. Returns whether the reply is complete. */
  run(head: Http1Head): boolean {
    this.dispatching = true;
    let settled: unknown;
    if (head.methodCode === METHOD_OPTIONS && head.isAsterisk) {
      this.respondBytes(204, null, KIND_NONE, EMPTY);
    } else {
      try {
        settled = this.#context.handle(new HttpRequest(this), new HttpReply(this));
      } catch (error) {
        this.fail(error);
      }
    }
    this.dispatching = false;
    const pending = isPromise(settled);
    if (pending) this.#watch(settled as Promise<void>);
    const done = this.replyPhase === REPLY_DONE;
    // Handles of a synchronous exchange die here: the head they read is gone with the receive buffer.
    if (done && !pending) this.generation++;
    else this.keepHead();
    return done;
  }

  /** What receives the body, null when nobody asked for it. */
  get reader(): RequestBody | null {
    return this.#body;
  }

  closeAfter(): void {
    this.keepAlive = false;
    this.#plain = false;
  }

  /** The peer sent FIN while the handler is at work. It gets its reply all the same. */
  peerEnded(): void {
    this.closeAfter();
    this.#signals?.end(peerGone('The client closed its side of the connection'));
  }

  /** The exchange in flight, if any, ends without its handler's doing. @returns what to call when the connection is in its final state */
  lose(): (error: unknown) => void {
    if (this.replyPhase !== REPLY_DONE) this.lost = this.generation;
    this.replyPhase = REPLY_DONE;
    this.generation++;
    const body = this.#body;
    const signals = this.#signals;
    this.#body = null;
    return (error) => {
      body?.fail(error);
      signals?.lose(error);
    };
  }

  /** The connection is gone. */
  close(how: string): void {
    const waiting = this.#body !== null || this.#signals !== null || this.#drain !== null;
    const drain = this.#drain;
    const tell = this.lose();
    if (!waiting) return;
    const error = peerGone(how);
    drain?.fail(error);
    tell(error);
  }

  /** The peer took enough of what was written. */
  drained(): void {
    const gate = this.#drain;
    this.#drain = null;
    gate?.open();
  }

  /** The reply is complete, the body was not read to its end. */
  dropBody(): void {
    this.#body?.fail(unread());
  }

  /** Nobody is told any more when the peer goes away. */
  settle(): void {
    if (this.#signals !== null) this.#signals = null;
  }

  #watch(settled: Promise<void>): void {
    const { generation } = this;
    // A thenable may be anybody's; what it throws is a rejection.
    Promise.resolve(settled).then(
      () => {
        if (generation !== this.generation || this.replyPhase !== REPLY_NONE) return;
        this.fail(new HttpServerError('REPLY_MISSING', 'The handler settled without a reply'));
      },
      (error: unknown) => {
        if (generation === this.generation) this.fail(error);
      },
    );
  }

  // ---------------------------------------------------------------- Carrier: the request

  peer(): PeerAddress | null {
    return this.#left.peer();
  }

  /** The head is about to lose its bytes: gives it its own. */
  keepHead(): RequestHead {
    const context = this.#context;
    if (this.head === context.head) this.head = context.copyHead();
    return this.head;
  }

  body(): RequestBody {
    if (this.#body !== null) return this.#body;
    const body = new RequestBody(this);
    this.#body = body;
    if (this.#host.closed) body.fail(peerGone('The connection is gone'));
    else if (!this.hasBody) body.finish([]);
    else if (this.replyPhase === REPLY_DONE) body.fail(unread());
    return body;
  }

  pullBody(): void {
    this.#host.pullBody();
  }

  signal(): AbortSignal {
    return this.#ownSignals().request;
  }

  replySignal(): AbortSignal {
    return this.#ownSignals().reply;
  }

  #ownSignals(): ExchangeSignals {
    if (this.#signals !== null) return this.#signals;
    const signals = new ExchangeSignals();
    if (this.lost >= 0) signals.lose(peerGone('The exchange ended before its reply'));
    // Complete, so nothing can interrupt it any more.
    else if (this.replyPhase === REPLY_DONE) return signals;
    else if (this.#host.peerEnded) signals.end(peerGone('The client closed its side'));
    this.#signals = signals;
    return signals;
  }

  // ---------------------------------------------------------------- Carrier: the reply

  respondString(status: number, fields: ReplyFields | null, kind: ContentKind, body: string): void {
    if (
      !this.#plain ||
      status !== 200 ||
      fields !== null ||
      !writeShortText(this.#left, this.#context.heads, kind, body)
    ) {
      this.#writeWhole(status, fields, kind, body, Buffer.byteLength(body));
    }
    this.#done();
  }

  respondBytes(
    status: number,
    fields: ReplyFields | null,
    kind: ContentKind,
    body: Uint8Array,
  ): void {
    this.#writeWhole(status, fields, kind, body, body.length);
    this.#done();
  }

  start(status: number, fields: ReplyFields | null, kind: ContentKind): void {
    const declared = fields?.contentLength ?? -1;
    const stream = new ReplyStream(status, declared, this.#isHead, this.#modern);
    if (fields?.close || stream.closes) this.closeAfter();
    const { heads } = this.#context;
    const { date } = this.#left.clock;
    const connection = this.#connection();
    writeReserved(this.#left, headBytesMax(fields, kind), (out, p) =>
      writeHead(out, p, heads, date, status, fields, kind, stream.length, connection),
    );
    this.#stream = stream;
    this.replyPhase = REPLY_STREAMING;
  }

  writeString(chunk: string): boolean {
    return this.writeBytes(Buffer.from(chunk, 'utf8'));
  }

  writeBytes(chunk: Uint8Array): boolean {
    if (!this.#stream!.write(this.#left, chunk)) this.#lengthMismatch();
    return !this.#left.blocked;
  }

  finish(trailers: ReplyFields | null): void {
    if (!this.#stream!.finish(this.#left, trailers)) this.#lengthMismatch();
    this.#stream = null;
    this.#done();
  }

  informational(status: number, fields: ReplyFields | null): void {
    // RFC 9110 section 15.2: an HTTP/1.0 client gets no 1xx.
    if (this.#modern) writeInterim(this.#left, status, fields);
  }

  whenDrained(): Promise<void> {
    if (!this.#left.blocked) return RESOLVED;
    this.#drain ??= new DrainGate();
    return this.#drain.promise;
  }

  fail(error: unknown): void {
    if (this.replyPhase === REPLY_STREAMING) {
      this.#breakOff(error);
      return;
    }
    if (this.replyPhase === REPLY_DONE) return;
    let status = 500;
    let text = 'Internal Server Error\n';
    if (error instanceof HttpServerError && isClientError(error.status)) {
      status = error.status;
      text = `${error.message}\n`;
    }
    this.respondString(status, null, KIND_TEXT, text);
  }

  upgrade(protocol: string, fields: ReplyFields | null, app: Blueprint): void {
    const head = this.head as Http1Head;
    if (!head.wantsUpgrade || !this.#host.received) {
      throw new HttpServerError('REPLY_STARTED', 'The request asks for no upgrade, or has a body');
    }
    writeUpgrade(this.#left, protocol, fields);
    this.replyPhase = REPLY_DONE;
    this.#host.handOver(app);
  }

  #done(): void {
    this.replyPhase = REPLY_DONE;
    if (!this.dispatching) this.#host.replied();
  }

  #connection(): number {
    if (!this.keepAlive) return CONNECTION_CLOSE;
    return this.#modern ? CONNECTION_DEFAULT : CONNECTION_KEEP_ALIVE;
  }

  #writeWhole(
    status: number,
    fields: ReplyFields | null,
    kind: ContentKind,
    body: string | Uint8Array,
    size: number,
  ): void {
    const isHead = this.#isHead;
    const length = wholeLength(status, fields?.contentLength ?? -1, size, isHead);
    if (fields?.close || (this.hasBody && this.#host.restUnwelcome)) this.closeAfter();
    const { heads } = this.#context;
    const connection = this.#connection();
    writeWhole(this.#left, heads, status, fields, kind, body, size, length, isHead, connection);
  }

  #lengthMismatch(): never {
    const error = new HttpServerError(
      'LENGTH_MISMATCH',
      'The body has another length than Content-Length declared',
    );
    this.#breakOff(error);
    throw error;
  }

  #breakOff(error: unknown): void {
    this.replyPhase = REPLY_DONE;
    this.#stream = null;
    const body = this.#body;
    this.#body = null;
    this.#host.abort();
    body?.fail(error);
  }
}

function isClientError(status: number): boolean {
  return Number.isInteger(status) && status >= 400 && status < 500;
}

function unread(): HttpServerError {
  return new HttpServerError('EXCHANGE_FINISHED', 'The reply ended before the body was read');
}

import type { BodyLease } from '../../exchange/body-lease.js';
import {
  REPLY_DONE,
  REPLY_NONE,
  REPLY_STREAMING,
  type ReplyCarrier,
  type ReplyPhase,
} from '../../exchange/carrier.js';
import { type ContentKind, KIND_NONE, KIND_TEXT } from '../../exchange/content-kind.js';
import { DrainGate } from '../../exchange/drain-gate.js';
import { HttpServerError } from '../../exchange/errors.js';
import { peerGone } from '../../exchange/exchange-signals.js';
import { HeapBytes } from '../../exchange/heap-bytes.js';
import type { ExchangeWatch, LossReason } from '../../exchange/observer.js';
import type { ReplyFields } from '../../exchange/reply-fields.js';
import type { RequestHead } from '../../exchange/request-head.js';
import { SpareBytes } from '../../exchange/spare-memory.js';
import type { Blueprint } from '../../sans-io/blueprint.js';
import type { Left } from '../../sans-io/left.js';
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
import { ReplyStream } from './reply-stream.js';
import { writeReserved } from './reserved.js';
import { reasonPhrase } from './status.js';
import { hasNoContent, wholeLength, writeShortText, writeText, writeWhole } from './whole-reply.js';

const RESOLVED = Promise.resolve();
const EMPTY = new Uint8Array(0);
/** A shorter body goes with its head, copied. */
const HELD_BYTES_MIN = 16_384;

/**
 * The replies of one connection, one at a time: NONE -> STREAMING -> DONE. It decides how a reply is framed and whether the connection outlives it;
 * the bytes are written by `whole-reply.ts`, `reply-stream.ts` and `interim-reply.ts`.
 */
export abstract class ReplySide implements ReplyCarrier {
  protected readonly host: ExchangeHost;
  protected readonly left: Left;
  protected readonly context: Http1Context;

  head: RequestHead;
  replyPhase: ReplyPhase = REPLY_NONE;
  hasBody = false;
  /** The connection goes on after this reply. */
  keepAlive = true;
  /** The only request of the connection, which said that none follows, and none did; its reply is written in one piece. */
  isOnly = false;
  /** Within the handler's synchronous part: the exchange may not be torn down under it. */
  dispatching = false;
  /** When something of the reply was sent last, or the peer left off and it was the handler's turn; of exchanges that outlive their first moment. */
  progressedAt = 0;

  /** HTTP/1.1, stays open, not HEAD, no body: a reply needs no second look at the request. */
  protected plain = false;
  protected isHead = false;
  protected modern = true;
  /** Follows this exchange; null while nobody wants to know. */
  protected watch: ExchangeWatch | null = null;
  /** Of the streamed reply that was begun. */
  #status = 0;
  #stream: ReplyStream | null = null;
  /** Writers that wait for the peer; opened by the connection's drain, whichever exchange that falls into. */
  #drain: DrainGate | null = null;

  constructor(host: ExchangeHost, left: Left, context: Http1Context) {
    this.host = host;
    this.left = left;
    this.context = context;
    this.head = context.head;
  }

  /** The reply failed: whoever reads the body is told. */
  protected abstract failBody(error: unknown): void;

  closeAfter(): void {
    this.keepAlive = false;
    this.plain = false;
  }

  /** From here the handler's silence counts. */
  progress(): void {
    this.progressedAt = this.left.clock.now;
  }

  /** The peer took enough of what was written. */
  drained(): void {
    this.progress();
    const gate = this.#drain;
    this.#drain = null;
    gate?.open();
  }

  /** The connection is gone: so are the writers that wait. */
  protected failDrain(error: unknown): void {
    this.#drain?.fail(error);
  }

  /** A reply was begun, and the end of the connection will pass for its end: HTTP/1.0 has no other (RFC 9112 section 6.3). */
  get endsWithConnection(): boolean {
    return this.#stream?.closes === true && !this.isHead;
  }

  /** Somebody waits in {@link whenDrained}. */
  protected get awaitsDrain(): boolean {
    return this.#drain !== null;
  }

  respondString(status: number, fields: ReplyFields | null, kind: ContentKind, body: string): void {
    if (
      !this.plain ||
      status !== 200 ||
      fields !== null ||
      !writeShortText(this.left, this.context.heads, kind, body)
    ) {
      if (!this.#writeText(status, fields, kind, body)) {
        this.writeWhole(status, fields, kind, body, Buffer.byteLength(body));
      }
    } else if (this.watch !== null) this.#tell(this.watch, 200, null, kind, body.length);
    this.done(status);
  }

  respondBytes(
    status: number,
    fields: ReplyFields | null,
    kind: ContentKind,
    body: Uint8Array,
  ): void {
    this.writeWhole(status, fields, kind, body, body.length);
    this.done(status);
  }

  respondLease(
    status: number,
    fields: ReplyFields | null,
    kind: ContentKind,
    body: BodyLease,
  ): void {
    const size = body.length;
    const silent = this.isHead || hasNoContent(status);
    if (size < HELD_BYTES_MIN && !silent) {
      const [part] = body.unsafe;
      const alone = part instanceof HeapBytes && part.byteLength === size;
      this.respondBytes(status, fields, kind, alone ? part.bytes : body.bytes());
      body.end();
      return;
    }
    const length = wholeLength(status, fields?.contentLength ?? -1, size, this.isHead);
    const parts = body.move();
    this.#persistence(fields);
    const { heads } = this.context;
    const connection = this.connection();
    // As for HEAD: the body follows.
    writeWhole(this.left, heads, status, fields, kind, EMPTY, size, length, true, connection);
    for (const part of parts) {
      if (silent) part.release();
      else if (part instanceof HeapBytes) this.left.send(part.bytes);
      else if (part instanceof SpareBytes) {
        this.left.send(part.bytes);
        void this.left.whenSent().then(() => part.release());
      } else this.left.sendHeld(part);
    }
    if (this.watch !== null) this.#tell(this.watch, status, fields, kind, silent ? 0 : size);
    this.done(status);
  }

  start(status: number, fields: ReplyFields | null, kind: ContentKind): void {
    const declared = fields?.contentLength ?? -1;
    const stream = new ReplyStream(status, declared, this.isHead, this.modern);
    if (fields?.close || stream.closes) this.closeAfter();
    const { heads } = this.context;
    const { date } = this.left.clock;
    const connection = this.connection();
    writeReserved(this.left, headBytesMax(fields, kind), (out, p) =>
      writeHead(out, p, heads, date, status, fields, kind, stream.length, connection),
    );
    this.#stream = stream;
    this.#status = status;
    this.watch?.replying(status, fields, kind);
    this.replyPhase = REPLY_STREAMING;
    this.isOnly = false;
    this.progress();
  }

  writeString(chunk: string): boolean {
    return this.writeBytes(Buffer.from(chunk, 'utf8'));
  }

  writeBytes(chunk: Uint8Array): boolean {
    if (!this.#stream!.write(this.left, chunk)) this.lengthMismatch();
    this.progress();
    if (!this.isHead) this.watch?.sent(chunk.length);
    return !this.left.blocked;
  }

  finish(trailers: ReplyFields | null): void {
    if (!this.#stream!.finish(this.left, trailers)) this.lengthMismatch();
    this.#stream = null;
    this.done(this.#status);
  }

  informational(status: number, fields: ReplyFields | null): void {
    // RFC 9110 section 15.2: an HTTP/1.0 client gets no 1xx.
    if (!this.modern) return;
    writeInterim(this.left, status, fields);
    this.progress();
  }

  whenDrained(): Promise<void> {
    if (!this.left.blocked) return RESOLVED;
    this.#drain ??= new DrainGate();
    return this.#drain.promise;
  }

  whenSent(lost: boolean): Promise<void> {
    const promise = this.left.whenSent().then((sent) => {
      if (lost || !sent) throw peerGone('The connection ended before the reply was sent');
    });
    // As with a writer that does not look.
    promise.catch(() => {});
    return promise;
  }

  fail(error: unknown): void {
    if (this.replyPhase === REPLY_STREAMING) {
      this.breakOff(error);
      return;
    }
    if (this.replyPhase === REPLY_DONE) return;
    let status = 500;
    let text = 'Internal Server Error\n';
    if (error instanceof HttpServerError && isError(error.status)) {
      status = error.status;
      // What is wrong with the server is not the client's to know.
      text = `${status < 500 ? error.message : reasonPhrase(status)}\n`;
    }
    this.respondString(status, null, KIND_TEXT, text);
  }

  upgrade(protocol: string, fields: ReplyFields | null, app: Blueprint): void {
    const head = this.head as Http1Head;
    if (!head.wantsUpgrade || !this.host.received) {
      throw new HttpServerError('REPLY_STARTED', 'The request asks for no upgrade, or has a body');
    }
    writeUpgrade(this.left, protocol, fields);
    this.replyPhase = REPLY_DONE;
    this.watch?.replying(101, fields, KIND_NONE);
    this.#over(101);
    this.host.handOver(app);
  }

  protected done(status: number): void {
    this.replyPhase = REPLY_DONE;
    this.#over(status);
    if (!this.dispatching) this.host.replied();
  }

  /** The exchange ends without a complete reply. @param status what the server answers instead, 0 for nothing */
  protected forsake(reason: LossReason, status: number): void {
    const { tally } = this.context;
    tally.lost++;
    if (reason === 'peer-gone') tally.disconnects++;
    const { watch } = this;
    if (watch === null) return;
    this.watch = null;
    watch.lost(reason, status);
  }

  /** The reply is complete. */
  #over(status: number): void {
    this.context.tally.responses[(status / 100) | 0]!++;
    const { watch } = this;
    if (watch === null) return;
    this.watch = null;
    watch.finished();
  }

  #tell(
    watch: ExchangeWatch,
    status: number,
    fields: ReplyFields | null,
    kind: ContentKind,
    bytes: number,
  ): void {
    watch.replying(status, fields, kind);
    if (bytes > 0) watch.sent(bytes);
  }

  /** Text that may be taken for ASCII. Returns false when it may not, or is not. */
  #writeText(status: number, fields: ReplyFields | null, kind: ContentKind, body: string): boolean {
    if (this.isHead || hasNoContent(status) || (fields !== null && fields.contentLength >= 0)) {
      return false;
    }
    this.#persistence(fields);
    const { heads } = this.context;
    if (!writeText(this.left, heads, status, fields, kind, body, this.connection())) return false;
    if (this.watch !== null) this.#tell(this.watch, status, fields, kind, body.length);
    return true;
  }

  /** A whole reply is about to be written: decides whether the connection outlives it. */
  #persistence(fields: ReplyFields | null): void {
    if (fields?.close || (this.hasBody && this.host.restUnwelcome)) this.closeAfter();
  }

  protected connection(): number {
    if (!this.keepAlive) return CONNECTION_CLOSE;
    return this.modern ? CONNECTION_DEFAULT : CONNECTION_KEEP_ALIVE;
  }

  protected writeWhole(
    status: number,
    fields: ReplyFields | null,
    kind: ContentKind,
    body: string | Uint8Array,
    size: number,
  ): void {
    const isHead = this.isHead;
    const length = wholeLength(status, fields?.contentLength ?? -1, size, isHead);
    this.#persistence(fields);
    const { heads } = this.context;
    const connection = this.connection();
    writeWhole(this.left, heads, status, fields, kind, body, size, length, isHead, connection);
    if (this.watch !== null) {
      this.#tell(this.watch, status, fields, kind, isHead || hasNoContent(status) ? 0 : size);
    }
  }

  protected lengthMismatch(): never {
    const error = new HttpServerError(
      'LENGTH_MISMATCH',
      'The body has another length than Content-Length declared',
    );
    this.breakOff(error);
    throw error;
  }

  protected breakOff(error: unknown): void {
    this.replyPhase = REPLY_DONE;
    this.forsake('aborted', 0);
    this.host.abort();
    this.#stream = null;
    this.failBody(error);
  }
}

function isError(status: number): boolean {
  return Number.isInteger(status) && status >= 400 && status < 600;
}

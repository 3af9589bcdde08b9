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
import { HttpReply } from '../../exchange/reply.js';
import type { ReplyFields } from '../../exchange/reply-fields.js';
import { HttpRequest } from '../../exchange/request.js';
import { RequestBody } from '../../exchange/request-body.js';
import type { RequestHead } from '../../exchange/request-head.js';
import type { Blueprint } from '../../sans-io/blueprint.js';
import { type Left, type PeerAddress, RESERVE_BYTES_MAX } from '../../sans-io/left.js';
import type { CloseReason, Orbit } from '../../sans-io/orbit.js';
import { ChunkedDecoder, type ChunkSink } from './chunked-decoder.js';
import {
  FAULT_BARE_CR,
  FAULT_BODY_LENGTH,
  FAULT_BODY_TIMEOUT,
  FAULT_EMPTY_LINES,
  FAULT_EXPECTATION,
  FAULT_HANDLER_TIMEOUT,
  FAULT_HEAD_LENGTH,
  FAULT_HEAD_TIMEOUT,
  FAULT_METHOD_UNKNOWN,
  FAULT_TARGET_LENGTH,
  FAULT_TRUNCATED,
  faultStatus,
  faultText,
} from './faults.js';
import {
  CONNECTION_CLOSE,
  CONNECTION_DEFAULT,
  CONNECTION_KEEP_ALIVE,
  headBytesMax,
  LENGTH_CHUNKED,
  LENGTH_NONE,
  writeFields,
  writeHead,
  writeStatusLine,
} from './head-writer.js';
import type { Http1Context } from './http1-context.js';
import { EXPECT_CONTINUE, EXPECT_OTHER, type Http1Head } from './http1-head.js';
import { METHOD_CONNECT, METHOD_HEAD, METHOD_OPTIONS, METHOD_TRACE } from './methods.js';
import { writeDecimal, writeHex, writeLatin1 } from './reply-heads.js';
import { isBodyless } from './status.js';

// What is being received.
const READ_HEAD = 0;
const READ_LENGTH = 1;
const READ_CHUNKED = 2;
/** The request is complete, its reply is not. */
const READ_NOTHING = 3;
/** `left.end` or `left.abort` was called: whatever comes is dropped. */
const READ_CLOSED = 4;

// How the body of a streamed reply is delimited.
const FRAME_NONE = 0;
const FRAME_LENGTH = 1;
const FRAME_CHUNKED = 2;
const FRAME_CLOSE = 3;

const CR = 0x0d;
const LF = 0x0a;

/** RFC 9112 section 2.2 asks to ignore "at least one" empty line before a request; old clients send one after a body. */
const EMPTY_LINES_MAX = 2;
/** A string up to this long is copied character by character: cheaper than a call into C++. */
const SHORT_STRING = 64;
/** `Content-Length` digits, empty lines and some room. */
const SHORT_HEAD_SPARE = 32;
/** Chunk size line and the CRLF after the data. */
const CHUNK_FRAME_BYTES = 24;
/** From here on sending in place beats a copy. */
const COPY_BYTES_MAX = RESERVE_BYTES_MAX - 1_024;

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

const { utf8Write } = Buffer.prototype as unknown as {
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number;
};

const DISCARD: ChunkSink = { push() {} };
const EMPTY = new Uint8Array(0);
const RESOLVED = Promise.resolve();

/**
 * An HTTP/1.1 server connection: one request and its reply at a time, in order.
 *
 * Theory. Two machines advance together. Receiving goes HEAD -> LENGTH | CHUNKED -> NOTHING -> HEAD; the reply goes NONE -> STREAMING -> DONE.
 * The next head is looked at when both are through: receiving is NOTHING and the reply DONE. A reply that is done before the body
 * was received leaves a bounded rest to be drained. Bytes that come while the machine can take none are left with the Left, which
 * is paused: that is the whole of back-pressure and of pipelining.
 *
 * The hot path is `receive` -> `Http1Head.parse` -> handler -> `respondString`, which touches no timer: the one deadline a batch needs is
 * stored when `receive` leaves.
 */
export class Http1Connection implements Orbit, Carrier {
  readonly #left: Left;
  readonly #context: Http1Context;

  generation = 0;
  lost = -1;
  head: RequestHead;
  replyPhase: ReplyPhase = REPLY_NONE;
  hasBody = false;
  bodyLength = 0;

  #read = READ_HEAD;
  /** Within `receive`: no need to resume what was not paused. */
  #receiving = false;
  /** Within the handler's synchronous part: the exchange may not be torn down under it. */
  #dispatching = false;
  #paused = false;
  #keepAlive = true;
  /** HTTP/1.1, stays open, not HEAD, no body: a reply needs no second look at the request. */
  #plain = false;
  #isHead = false;
  #modern = true;
  #closing = false;
  #peerEnded = false;
  #draining = false;
  #awaitsContinue = false;
  #requests = 0;
  #emptyLines = 0;

  /** Of an incomplete head, from its first byte: where its first incomplete line begins, and how far it was looked at. */
  #line = 0;
  #scanned = 0;
  /** Where the head in `context.head` lies, until it is copied. */
  #headStart = 0;
  #headEnd = 0;

  #remaining = 0;
  #drainBytes = 0;
  #decoder: ChunkedDecoder | null = null;
  #body: RequestBody | null = null;
  #controller: AbortController | null = null;
  #drain: DrainGate | null = null;
  #upgraded: Orbit | null = null;

  #frame = FRAME_NONE;
  #declared = 0;
  #written = 0;

  readonly #expires: number;
  #headDeadline = 0;
  #bodyDeadline = 0;
  #handlerDeadline = 0;

  constructor(left: Left, context: Http1Context) {
    this.#left = left;
    this.#context = context;
    this.head = context.head;
    const now = left.clock.now;
    this.#expires = now + context.limits.connectionTimeoutMs;
    this.#armIdle(now);
  }

  // ---------------------------------------------------------------- Orbit

  receive(bytes: Uint8Array, start: number, end: number): number {
    let p = start;
    this.#receiving = true;
    while (p < end) {
      const read = this.#read;
      if (read === READ_HEAD) {
        const next = this.#receiveHead(bytes, p, end);
        if (next === p) break;
        p = next;
      } else if (read === READ_CLOSED) {
        if (this.#upgraded !== null) {
          this.#receiving = false;
          return p - start + this.#upgraded.receive(bytes, p, end);
        }
        p = end;
      } else if (read === READ_NOTHING) {
        this.#pause();
        break;
      } else {
        const next = this.#receiveBody(bytes, p, end);
        if (next === p) break;
        p = next;
      }
    }
    this.#receiving = false;
    if (this.#read === READ_HEAD && this.#headDeadline === 0) this.#armIdle(this.#left.clock.now);
    return p - start;
  }

  receiveEnd(): void {
    if (this.#upgraded !== null) {
      this.#upgraded.receiveEnd();
      return;
    }
    this.#peerEnded = true;
    switch (this.#read) {
      case READ_HEAD:
        if (this.#headDeadline === 0) this.#end();
        else this.#refuse(FAULT_TRUNCATED, false);
        break;
      case READ_LENGTH:
      case READ_CHUNKED:
        this.#bodyFault(FAULT_TRUNCATED);
        break;
      case READ_NOTHING:
        this.#noKeepAlive();
        break;
    }
  }

  drained(): void {
    if (this.#upgraded !== null) {
      this.#upgraded.drained();
      return;
    }
    const gate = this.#drain;
    this.#drain = null;
    gate?.open();
    if (this.#read === READ_HEAD) this.#resume();
  }

  tick(now: number): void {
    if (this.#upgraded !== null) {
      this.#upgraded.tick(now);
      return;
    }
    switch (this.#read) {
      case READ_HEAD:
        if (this.#headDeadline !== 0) this.#refuse(FAULT_HEAD_TIMEOUT, false);
        // A slow reader is not idle; how slow it may be is the runtime's to say.
        else if (this.#left.blocked) this.#armIdle(now);
        else this.#end();
        break;
      case READ_LENGTH:
      case READ_CHUNKED:
      case READ_NOTHING:
        if (this.#handlerDeadline !== 0 && now >= this.#handlerDeadline) {
          this.#breakExchange(FAULT_HANDLER_TIMEOUT);
        } else if (this.#bodyDeadline !== 0 && now >= this.#bodyDeadline) {
          this.#bodyFault(FAULT_BODY_TIMEOUT);
        } else this.#arm();
        break;
    }
  }

  shutdown(): void {
    if (this.#upgraded !== null) {
      this.#upgraded.shutdown();
      return;
    }
    this.#closing = true;
    const idle = this.#read === READ_HEAD && this.#headDeadline === 0 && !this.#paused;
    if (idle || this.#draining) this.#end();
    else this.#noKeepAlive();
  }

  close(reason: CloseReason): void {
    this.#read = READ_CLOSED;
    this.#lose();
    const upgraded = this.#upgraded;
    this.#upgraded = null;
    upgraded?.close(reason);
    const gate = this.#drain;
    const body = this.#body;
    const controller = this.#controller;
    this.#drain = null;
    this.#body = null;
    this.#controller = null;
    if (gate === null && body === null && controller === null) return;
    const error = new HttpServerError('PEER_GONE', `The connection is gone: ${reason}`);
    gate?.fail(error);
    body?.fail(error);
    controller?.abort(error);
  }

  // ---------------------------------------------------------------- receiving

  /** Parses a head at `p` and runs the handler. Returns `p` itself to stop. */
  #receiveHead(bytes: Uint8Array, p: number, end: number): number {
    const left = this.#left;
    if (left.blocked) {
      this.#pause();
      return p;
    }
    const head = this.#context.head;
    let next: number;
    if (this.#scanned === 0) {
      if (bytes[p] === CR) return this.#emptyLine(bytes, p, end);
      next = head.parse(bytes, p, end);
    } else next = this.#resumeHead(bytes, p, end);
    if (next > 0) {
      if (this.#headDeadline !== 0) {
        this.#headDeadline = 0;
        this.#scanned = 0;
        this.#line = 0;
        this.#emptyLines = 0;
      }
      this.#headStart = p;
      this.#headEnd = next;
      this.#accept(head, next < end);
      return next;
    }
    if (next < 0) {
      this.#refuse(next, false);
      return end;
    }
    this.#line = head.line - p;
    this.#scanned = end - p;
    this.#armHead();
    return p;
  }

  /** Looks for the end of the line the last look stopped in; parses on only when it is there. */
  #resumeHead(bytes: Uint8Array, start: number, end: number): number {
    const head = this.#context.head;
    let p = start + this.#scanned;
    while (p < end && bytes[p] !== LF) p++;
    if (p === end) {
      const limits = this.#context.limits;
      const length = end - start;
      head.line = start + this.#line;
      // The longest request line there can be: method, target and " HTTP/1.1".
      if (this.#line === 0 && length > limits.maxTargetBytes + 64) return FAULT_TARGET_LENGTH;
      return length > limits.maxHeaderBytes ? FAULT_HEAD_LENGTH : 0;
    }
    return head.resume(bytes, start, start + this.#line, end);
  }

  #emptyLine(bytes: Uint8Array, p: number, end: number): number {
    this.#armHead();
    if (p + 1 === end) return p;
    if (bytes[p + 1] !== LF) this.#refuse(FAULT_BARE_CR, false);
    else if (++this.#emptyLines > EMPTY_LINES_MAX) this.#refuse(FAULT_EMPTY_LINES, false);
    return p + 2;
  }

  /** A complete head: decides framing and persistence, then runs the handler. */
  #accept(head: Http1Head, more: boolean): void {
    const { limits } = this.#context;
    const method = head.methodCode;
    const isHead = method === METHOD_HEAD;
    this.#isHead = isHead;
    this.#modern = head.version === 11;
    let keepAlive = head.keepAlive;
    if (
      ++this.#requests >= limits.maxRequestsPerConnection ||
      this.#left.clock.now >= this.#expires ||
      this.#closing
    ) {
      keepAlive = false;
    }
    this.#keepAlive = keepAlive;
    this.replyPhase = REPLY_NONE;
    this.generation++;
    if (this.#body !== null) this.#body = null;
    const length = head.contentLength;
    if (length > 0 || head.chunked) {
      if (length > limits.maxBodyBytes) {
        this.#refuse(FAULT_BODY_LENGTH, isHead);
        return;
      }
      this.hasBody = true;
      this.#plain = false;
      if (head.chunked) {
        this.bodyLength = -1;
        this.#read = READ_CHUNKED;
        if (this.#decoder === null) this.#decoder = new ChunkedDecoder(limits);
        else this.#decoder.reset();
      } else {
        this.bodyLength = length;
        this.#read = READ_LENGTH;
        this.#remaining = length;
      }
      this.#awaitsContinue = head.expect === EXPECT_CONTINUE && !more;
    } else {
      this.hasBody = false;
      this.bodyLength = 0;
      this.#awaitsContinue = false;
      this.#read = READ_NOTHING;
      this.#plain = keepAlive && this.#modern && !isHead;
    }
    if (head.expect === EXPECT_OTHER) this.#refuse(FAULT_EXPECTATION, isHead);
    else if (method === METHOD_CONNECT || method === METHOD_TRACE) {
      this.#refuse(FAULT_METHOD_UNKNOWN, isHead);
    } else this.#dispatch(head);
  }

  #dispatch(head: Http1Head): void {
    this.head = head;
    this.#dispatching = true;
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
    this.#dispatching = false;
    const pending = isPromise(settled);
    if (pending) this.#watch(settled as Promise<void>);
    if (this.replyPhase === REPLY_DONE) {
      // Handles of a synchronous exchange die here: the head they read is gone with the receive buffer.
      if (!pending) this.generation++;
      else this.#detachHead();
      this.#afterReply();
      return;
    }
    this.#detachHead();
    const { handlerTimeoutMs } = this.#context.limits;
    this.#handlerDeadline =
      handlerTimeoutMs === Number.POSITIVE_INFINITY ? 0 : this.#left.clock.now + handlerTimeoutMs;
    this.#bodyDeadline = 0;
    if (this.#read !== READ_NOTHING && this.#body?.wants) this.#armBody();
    else this.#arm();
  }

  #watch(settled: Promise<void>): void {
    const { generation } = this;
    settled.then(
      () => {
        if (generation !== this.generation || this.replyPhase !== REPLY_NONE) return;
        if (this.#read === READ_CLOSED) return;
        this.fail(new HttpServerError('REPLY_MISSING', 'The handler settled without a reply'));
      },
      (error: unknown) => {
        if (generation === this.generation && this.#read !== READ_CLOSED) this.fail(error);
      },
    );
  }

  /** The head is about to lose its bytes: gives it its own. */
  #detachHead(): Http1Head {
    const { head } = this.#context;
    if (this.head === head) this.head = head.copy(this.#headStart, this.#headEnd);
    return this.head as Http1Head;
  }

  /** Takes body bytes at `p`. Returns `p` itself to stop. */
  #receiveBody(bytes: Uint8Array, p: number, end: number): number {
    const body = this.#body;
    const draining = this.#draining;
    if (!draining && (body === null || !body.wants)) {
      this.#pause();
      this.#bodyDeadline = 0;
      this.#arm();
      return p;
    }
    let next: number;
    let done: boolean;
    if (this.#read === READ_LENGTH) {
      next = Math.min(end, p + this.#remaining);
      this.#remaining -= next - p;
      done = this.#remaining === 0;
      if (!draining) body!.push(bytes, p, next);
    } else {
      const decoder = this.#decoder!;
      next = decoder.decode(bytes, p, end, draining ? DISCARD : body!);
      if (next < 0) {
        this.#bodyFault(next);
        return end;
      }
      done = decoder.done;
    }
    if (done) {
      if (!draining) body!.finish(this.#read === READ_CHUNKED ? this.#decoder!.trailers : []);
      this.#bodyDone();
    } else if (draining) {
      this.#drainBytes += next - p;
      if (this.#drainBytes > this.#context.limits.maxDrainBytes) {
        this.#end();
        return end;
      }
    } else this.#armBody();
    return next;
  }

  #bodyDone(): void {
    this.#read = READ_NOTHING;
    this.#bodyDeadline = 0;
    if (this.#draining) {
      this.#draining = false;
      this.#nextRequest();
    } else this.#arm();
  }

  /** The peer broke its body, ended within it or stalled. */
  #bodyFault(fault: number): void {
    if (this.#draining) this.#end();
    else this.#breakExchange(fault);
  }

  /** Ends the exchange from our side: an error reply when none was begun, else an abort. */
  #breakExchange(fault: number): void {
    const status = faultStatus(fault);
    const code =
      status === 413 ? 'BODY_TOO_LARGE' : status === 400 ? 'BODY_INVALID' : 'BODY_TIMEOUT';
    const error = new HttpServerError(code, faultText(fault), status);
    const body = this.#body;
    const controller = this.#controller;
    this.#body = null;
    this.#controller = null;
    const begun = this.replyPhase === REPLY_STREAMING;
    this.#lose();
    if (begun) this.#abort();
    else this.#refuse(fault, this.#isHead);
    body?.fail(error);
    controller?.abort(error);
  }

  // ---------------------------------------------------------------- the end of an exchange

  #replyDone(): void {
    this.replyPhase = REPLY_DONE;
    if (!this.#dispatching) this.#afterReply();
  }

  #afterReply(): void {
    if (this.#read === READ_NOTHING) {
      if (this.#controller !== null) this.#controller = null;
      if (this.#keepAlive) this.#nextRequest();
      else this.#end();
      return;
    }
    if (this.#read === READ_CLOSED) return;
    // The body was not read to its end.
    this.#controller = null;
    const body = this.#body;
    const { limits } = this.#context;
    if (!this.#keepAlive || this.#awaitsContinue || this.#restAboveDrain()) this.#end();
    else {
      this.#draining = true;
      this.#drainBytes = 0;
      this.#handlerDeadline = 0;
      // A total: a peer that trickles what nobody wants is not worth waiting for.
      this.#bodyDeadline = deadline(this.#left.clock.now, limits.bodyReadTimeoutMs);
      this.#arm();
      this.#resume();
    }
    body?.fail(
      new HttpServerError('EXCHANGE_FINISHED', 'The reply ended before the body was read'),
    );
  }

  #restAboveDrain(): boolean {
    return this.#read === READ_LENGTH && this.#remaining > this.#context.limits.maxDrainBytes;
  }

  #nextRequest(): void {
    this.#read = READ_HEAD;
    if (this.#peerEnded || this.#closing) {
      this.#end();
      return;
    }
    if (this.#receiving) return;
    this.#armIdle(this.#left.clock.now);
    this.#resume();
  }

  /** The exchange in flight, if any, ends without its handler's doing. */
  #lose(): void {
    if (this.replyPhase !== REPLY_DONE) this.lost = this.generation;
    this.generation++;
  }

  #noKeepAlive(): void {
    this.#keepAlive = false;
    this.#plain = false;
  }

  /** Answers a fault with its status and closes. */
  #refuse(fault: number, isHead: boolean): void {
    this.#isHead = isHead;
    this.#modern = true;
    this.#keepAlive = false;
    this.replyPhase = REPLY_NONE;
    this.#writeWhole(faultStatus(fault), null, KIND_TEXT, `${faultText(fault)}\n`);
    this.replyPhase = REPLY_DONE;
    this.#end();
  }

  /** Flushes, sends FIN and takes no more. The Left lingers, so that a peer still sending gets to read our last reply. */
  #end(): void {
    this.#read = READ_CLOSED;
    this.#left.deadline = 0;
    this.#left.end();
    this.#resume();
  }

  #abort(): void {
    this.#read = READ_CLOSED;
    this.#left.deadline = 0;
    this.#left.abort();
  }

  // ---------------------------------------------------------------- deadlines and flow

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#left.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#left.resume();
  }

  #armIdle(now: number): void {
    const { keepAliveTimeoutMs } = this.#context.limits;
    const idle = now + keepAliveTimeoutMs;
    const at = Math.min(idle, this.#expires);
    this.#left.deadline = at === Number.POSITIVE_INFINITY ? 0 : at;
  }

  #armHead(): void {
    if (this.#headDeadline !== 0) return;
    const at = this.#left.clock.now + this.#context.limits.headerReadTimeoutMs;
    this.#headDeadline = at;
    this.#left.deadline = at === Number.POSITIVE_INFINITY ? 0 : at;
  }

  #armBody(): void {
    this.#bodyDeadline = deadline(this.#left.clock.now, this.#context.limits.bodyReadTimeoutMs);
    this.#arm();
  }

  #arm(): void {
    const body = this.#bodyDeadline;
    const handler = this.#handlerDeadline;
    this.#left.deadline = body === 0 || (handler !== 0 && handler < body) ? handler : body;
  }

  // ---------------------------------------------------------------- Carrier: the request

  peer(): PeerAddress | null {
    return this.#left.peer();
  }

  keepHead(): RequestHead {
    return this.#detachHead();
  }

  body(): RequestBody {
    let body = this.#body;
    if (body === null) {
      body = new RequestBody(this);
      this.#body = body;
      if (this.#read === READ_CLOSED) {
        body.fail(new HttpServerError('PEER_GONE', 'The connection is gone'));
      } else if (this.#read === READ_NOTHING || this.#read === READ_HEAD) body.finish([]);
      else if (this.replyPhase === REPLY_DONE) {
        body.fail(
          new HttpServerError('EXCHANGE_FINISHED', 'The reply ended before the body was read'),
        );
      }
    }
    return body;
  }

  pullBody(): void {
    if (this.#draining || (this.#read !== READ_LENGTH && this.#read !== READ_CHUNKED)) return;
    if (this.#awaitsContinue) {
      this.#awaitsContinue = false;
      if (this.replyPhase === REPLY_NONE) this.#writeAscii(CONTINUE);
    }
    if (!this.#dispatching) this.#armBody();
    this.#resume();
  }

  signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.lost >= 0) this.#controller.abort();
    return this.#controller.signal;
  }

  // ---------------------------------------------------------------- Carrier: the reply

  respondString(status: number, fields: ReplyFields | null, kind: ContentKind, body: string): void {
    const length = body.length;
    if (this.#plain && status === 200 && fields === null && length <= SHORT_STRING) {
      const left = this.#left;
      const template = this.#context.heads.get(200, kind, left.clock.date);
      let p = left.reserve(template.length + SHORT_HEAD_SPARE + length);
      const { out } = left;
      out.set(template, p);
      p = writeDecimal(out, p + template.length, length);
      out[p] = CR;
      out[p + 1] = LF;
      out[p + 2] = CR;
      out[p + 3] = LF;
      p += 4;
      let i = 0;
      for (; i < length; i++) {
        const code = body.charCodeAt(i);
        if (code > 0x7f) break;
        out[p + i] = code;
      }
      if (i === length) {
        left.commit(p + length);
        this.#replyDone();
        return;
      }
    }
    this.#writeWhole(status, fields, kind, body);
    this.#replyDone();
  }

  respondBytes(
    status: number,
    fields: ReplyFields | null,
    kind: ContentKind,
    body: Uint8Array,
  ): void {
    this.#writeWhole(status, fields, kind, body);
    this.#replyDone();
  }

  start(status: number, fields: ReplyFields | null, kind: ContentKind): void {
    const declared = fields?.contentLength ?? -1;
    if (fields?.close) this.#noKeepAlive();
    let length: number;
    if (isBodyless(status)) {
      this.#frame = FRAME_NONE;
      length = status === 304 ? declared : LENGTH_NONE;
    } else if (status === 205) {
      this.#frame = FRAME_NONE;
      length = 0;
    } else if (declared >= 0) {
      this.#frame = this.#isHead ? FRAME_NONE : FRAME_LENGTH;
      length = declared;
    } else if (this.#modern) {
      this.#frame = this.#isHead ? FRAME_NONE : FRAME_CHUNKED;
      length = LENGTH_CHUNKED;
    } else {
      this.#frame = this.#isHead ? FRAME_NONE : FRAME_CLOSE;
      length = LENGTH_NONE;
      this.#keepAlive = false;
    }
    this.#declared = declared;
    this.#written = 0;
    const max = headBytesMax(fields, kind);
    this.#reserved(max, (out, p) =>
      writeHead(
        out,
        p,
        this.#context.heads,
        this.#left.clock.date,
        status,
        fields,
        kind,
        length,
        this.#connection(),
      ),
    );
    this.replyPhase = REPLY_STREAMING;
  }

  writeString(chunk: string): boolean {
    return this.writeBytes(Buffer.from(chunk, 'utf8'));
  }

  writeBytes(chunk: Uint8Array): boolean {
    const left = this.#left;
    const length = chunk.length;
    if (length === 0 || this.#frame === FRAME_NONE) return !left.blocked;
    if (this.#frame === FRAME_LENGTH) {
      this.#written += length;
      if (this.#written > this.#declared) this.#lengthMismatch();
    }
    const chunked = this.#frame === FRAME_CHUNKED;
    if (length > COPY_BYTES_MAX) {
      if (chunked) this.#writeAscii(`${length.toString(16)}\r\n`);
      left.send(chunk);
      if (chunked) this.#writeAscii('\r\n');
      return !left.blocked;
    }
    let p = left.reserve(length + CHUNK_FRAME_BYTES);
    const { out } = left;
    if (chunked) {
      p = writeHex(out, p, length);
      out[p] = CR;
      out[p + 1] = LF;
      p += 2;
    }
    out.set(chunk, p);
    p += length;
    if (chunked) {
      out[p] = CR;
      out[p + 1] = LF;
      p += 2;
    }
    left.commit(p);
    return !left.blocked;
  }

  finish(trailers: ReplyFields | null): void {
    switch (this.#frame) {
      case FRAME_LENGTH:
        if (this.#written < this.#declared) this.#lengthMismatch();
        break;
      case FRAME_CHUNKED:
        if (trailers === null) this.#writeAscii('0\r\n\r\n');
        else {
          this.#reserved(headBytesMax(trailers, KIND_NONE), (out, start) => {
            const p = writeFields(out, writeLatin1(out, start, '0\r\n'), trailers);
            return writeLatin1(out, p, '\r\n');
          });
        }
        break;
      default:
        break;
    }
    this.#replyDone();
  }

  informational(status: number, fields: ReplyFields | null): void {
    // RFC 9110 section 15.2: an HTTP/1.0 client gets no 1xx.
    if (!this.#modern) return;
    this.#interim(status, fields, '');
  }

  whenDrained(): Promise<void> {
    if (!this.#left.blocked) return RESOLVED;
    this.#drain ??= new DrainGate();
    return this.#drain.promise;
  }

  fail(error: unknown): void {
    if (this.replyPhase === REPLY_STREAMING) {
      this.#brokenOff(error);
      return;
    }
    if (this.replyPhase === REPLY_DONE) return;
    let status = 500;
    let text = 'Internal Server Error\n';
    if (error instanceof HttpServerError && error.status >= 400 && error.status < 500) {
      status = error.status;
      text = `${error.message}\n`;
    }
    this.respondString(status, null, KIND_TEXT, text);
  }

  upgrade(protocol: string, fields: ReplyFields | null, app: Blueprint): void {
    const head = this.head as Http1Head;
    if (!head.wantsUpgrade || this.#read !== READ_NOTHING) {
      throw new HttpServerError('REPLY_STARTED', 'The request asks for no upgrade, or has a body');
    }
    this.#interim(101, fields, `Upgrade: ${protocol}\r\nConnection: Upgrade\r\n`);
    this.replyPhase = REPLY_DONE;
    this.#read = READ_CLOSED;
    this.#left.deadline = 0;
    this.#upgraded = app.instantiate(this.#left);
    this.#resume();
  }

  // ---------------------------------------------------------------- writing

  #connection(): number {
    if (!this.#keepAlive) return CONNECTION_CLOSE;
    return this.#modern ? CONNECTION_DEFAULT : CONNECTION_KEEP_ALIVE;
  }

  /** A reply whose body is at hand. */
  #writeWhole(
    status: number,
    fields: ReplyFields | null,
    kind: ContentKind,
    body: string | Uint8Array,
  ): void {
    const noContent = isBodyless(status) || status === 205;
    const text = typeof body === 'string';
    const size = text ? Buffer.byteLength(body) : body.length;
    let length = noContent ? (status === 205 ? 0 : LENGTH_NONE) : size;
    const declared = fields?.contentLength ?? -1;
    if (declared >= 0 && declared !== length) {
      const describesOther = size === 0 && (this.#isHead || status === 304);
      if (describesOther) length = declared;
      else if (!noContent) {
        throw new HttpServerError(
          'LENGTH_MISMATCH',
          `Content-Length is ${declared} and the body has ${size} bytes`,
        );
      }
    }
    if (fields?.close) this.#noKeepAlive();
    if (this.#read !== READ_NOTHING && (this.#awaitsContinue || this.#restAboveDrain())) {
      this.#noKeepAlive();
    }
    const left = this.#left;
    const bytes = noContent || this.#isHead ? 0 : size;
    const max = headBytesMax(fields, kind);
    const together = max + bytes <= RESERVE_BYTES_MAX;
    const { heads } = this.#context;
    const { date } = left.clock;
    const connection = this.#connection();
    if (max > RESERVE_BYTES_MAX) {
      const out = new Uint8Array(max);
      const end = writeHead(out, 0, heads, date, status, fields, kind, length, connection);
      left.write(out, 0, end);
    } else {
      let p = left.reserve(together ? max + bytes : max);
      const { out } = left;
      p = writeHead(out, p, heads, date, status, fields, kind, length, connection);
      if (together && bytes > 0) {
        if (!text) out.set(body, p);
        else if (bytes <= SHORT_STRING && bytes === body.length) writeLatin1(out, p, body);
        else utf8Write.call(out, body, p, bytes);
        p += bytes;
      }
      left.commit(p);
    }
    if (bytes > 0 && !together) left.send(text ? Buffer.from(body, 'utf8') : body);
  }

  #interim(status: number, fields: ReplyFields | null, own: string): void {
    this.#reserved(headBytesMax(fields, KIND_NONE) + own.length, (out, start) => {
      let p = writeStatusLine(out, start, status);
      p = writeLatin1(out, p, own);
      if (fields !== null) p = writeFields(out, p, fields);
      return writeLatin1(out, p, '\r\n');
    });
  }

  /** Writes at most `max` bytes into transmit memory, or into memory of their own when that is more than one reservation holds. */
  #reserved(max: number, write: (out: Uint8Array, start: number) => number): void {
    const left = this.#left;
    if (max <= RESERVE_BYTES_MAX) {
      const p = left.reserve(max);
      left.commit(write(left.out, p));
      return;
    }
    const out = new Uint8Array(max);
    left.write(out, 0, write(out, 0));
  }

  #writeAscii(text: string): void {
    const left = this.#left;
    const p = left.reserve(text.length);
    left.commit(writeLatin1(left.out, p, text));
  }

  #lengthMismatch(): never {
    const error = new HttpServerError(
      'LENGTH_MISMATCH',
      `Content-Length is ${this.#declared} and the body has another length`,
    );
    this.#brokenOff(error);
    throw error;
  }

  /** The reply cannot be completed: the peer must notice, so no orderly end. */
  #brokenOff(error: unknown): void {
    this.replyPhase = REPLY_DONE;
    const body = this.#body;
    this.#body = null;
    this.#abort();
    body?.fail(error);
  }
}

/** `now + timeoutMs`, or 0 for never. */
function deadline(now: number, timeoutMs: number): number {
  return timeoutMs === Number.POSITIVE_INFINITY ? 0 : now + timeoutMs;
}

/** Handlers may return anything, a boolean from `reply.write` or a timer; only a promise is waited for. */
function isPromise(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

import type { Blueprint } from '../sans-io/blueprint.js';
import { BodyLease } from './body-lease.js';
import { type Carrier, REPLY_DONE, REPLY_NONE } from './carrier.js';
import {
  type ContentKind,
  contentKindOf,
  contentType,
  isContentKind,
  KIND_BYTES,
  KIND_HTML,
  KIND_JSON,
  KIND_NONE,
  KIND_TEXT,
} from './content-kind.js';
import { HttpServerError } from './errors.js';
import { assertFieldValue, assertProtocol, fieldName } from './field-syntax.js';
import { gone, NOWHERE } from './nowhere.js';
import { type FieldValue, ReplyFields } from './reply-fields.js';
import { mayTrail } from './trailer-names.js';

const EMPTY = new Uint8Array(0);

/** Fields given as an object: one line per name, or one per element of an array. */
export type FieldsInit = Readonly<Record<string, FieldValue>>;

/**
 * The reply to one request: either whole (`text`, `json`, `html`, `bytes`, `empty`, `redirect`) or streamed (`write`... `end`).
 *
 * Every member throws `EXCHANGE_FINISHED` once the exchange is over and `REPLY_STARTED` when the head is already out. When the peer went away before,
 * replies are taken and dropped, `write` returns false and `drained` rejects with `PEER_GONE`.
 *
 * @example
 * ```ts
 * import { serve } from '@ringbearer/http-server';
 *
 * const server = await serve({
 *   port: 0,
 *   raw: (request, reply) => reply.status(201).header('Location', '/things/7').json({ id: 7 }),
 * });
 * const response = await fetch(server.url, { method: 'POST' });
 * console.log(response.status, response.headers.get('location'), await response.json());
 * await server.close();
 * ```
 */
export class HttpReply {
  readonly #carrier: Carrier;
  readonly #generation: number;
  #status = 200;
  /** The Content-Type that was set, or -1; kept out of the fields, so that ready-made heads have it. */
  #kind: ContentKind = -1;
  #fields: ReplyFields | null = null;
  #trailers: ReplyFields | null = null;

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
    this.#generation = carrier.generation;
  }

  /** Nothing can be changed or sent any more. */
  get finished(): boolean {
    const carrier = this.#carrier;
    return carrier.generation !== this.#generation || carrier.replyPhase === REPLY_DONE;
  }

  /** The head is out. */
  get started(): boolean {
    const carrier = this.#carrier;
    return carrier.generation !== this.#generation || carrier.replyPhase !== REPLY_NONE;
  }

  /**
   * Aborted when nobody is left to take this reply: the connection was lost, or a limit ended the exchange. Unlike `request.signal` it is not aborted
   * by a client that closed its sending side only. The reason is as there. Built on first use.
   */
  get signal(): AbortSignal {
    const carrier = this.#carrier;
    if (carrier.generation !== this.#generation && carrier.lost !== this.#generation) {
      throw finished();
    }
    return carrier.replySignal();
  }

  /** Tells `lost` what {@link signal} would be aborted with, at once where it is aborted already, without building it; null: nobody. @internal */
  whenLost(lost: ((reason: unknown) => void) | null): void {
    const carrier = this.#carrier;
    if (carrier.generation === this.#generation) carrier.whenLost(lost);
    else if (carrier.lost === this.#generation) lost?.(gone());
  }

  /** Status of the reply, 200 unless set. */
  get statusCode(): number {
    return this.#status;
  }

  /**
   * Sets the status code (200 unless set).
   *
   * @throws RangeError unless an integer from 200 to 599: 1xx are sent with {@link informational}
   */
  status(code: number): this {
    this.#open();
    if (!Number.isInteger(code) || code < 200 || code > 599) {
      throw new RangeError(
        `Cannot set status as code must be an integer from 200 to 599: current value is ${code}`,
      );
    }
    this.#status = code;
    return this;
  }

  /**
   * Sets a field, replacing its earlier lines. An array makes one line per element, as `Set-Cookie` needs. `Content-Length` is
   * checked against what is written; of `Connection` only `close` has an effect.
   *
   * @throws TypeError when name or value cannot be sent (CR, LF, NUL, above U+00FF), or for `Transfer-Encoding` and `Upgrade`
   */
  header(name: string, value: FieldValue): this {
    this.#open();
    if (this.#isContentType(name, value)) return this;
    this.#fields ??= new ReplyFields();
    this.#fields.set(name, value);
    return this;
  }

  /** Adds lines to a field. @throws as {@link header} */
  append(name: string, value: FieldValue): this {
    this.#open();
    if (this.#isContentType(name, value)) return this;
    this.#fields ??= new ReplyFields();
    this.#fields.append(name, value);
    return this;
  }

  /** What {@link header} set, the first line only. */
  getHeader(name: string): string | undefined {
    if (this.#kind >= 0 && name.toLowerCase() === 'content-type') return contentType(this.#kind);
    return this.#fields?.get(name);
  }

  /** Undoes {@link header} and {@link append}. */
  removeHeader(name: string): this {
    this.#open();
    const lower = fieldName(name);
    if (lower === 'content-type') this.#kind = -1;
    this.#fields?.delete(lower);
    return this;
  }

  /** Replies with text, `text/plain; charset=utf-8` unless a Content-Type was set. */
  text(body: string): void {
    this.#string(KIND_TEXT, body);
  }

  /** Replies with HTML, `text/html; charset=utf-8` unless a Content-Type was set. */
  html(body: string): void {
    this.#string(KIND_HTML, body);
  }

  /**
   * Replies with JSON, `application/json` unless a Content-Type was set.
   *
   * @throws TypeError when `value` has no JSON form (undefined, a function, a cycle)
   */
  json(value: unknown): void {
    const body = JSON.stringify(value);
    if (body === undefined) {
      throw new TypeError(
        `Cannot send JSON as value must have a JSON form: current value is ${String(value)}`,
      );
    }
    this.#string(KIND_JSON, body);
  }

  /**
   * Replies with bytes, `application/octet-stream` unless a Content-Type was set. Above some kilobytes they are sent from where they
   * are, at some time: change them only after {@link sent}, or pass a copy (`bytes.slice()`). {@link drained} does not say that they are sent. A buffer that is transferred or resized too early (growing WebAssembly memory does so) ends the connection, with the warning
   * `RINGBEARER_BYTES_CHANGED`.
   */
  bytes(body: Uint8Array): void {
    if (!isBytes(body)) throw unsendable('a Uint8Array', body);
    const kind = this.#kindOr(KIND_BYTES);
    this.#open().respondBytes(this.#status, this.#fields, kind, ourBytes(body));
  }

  /**
   * Replies with the body of a request from where it was received, `application/octet-stream` unless a Content-Type was set. The lease is released by it: the
   * memory is used again once the kernel has sent it, or the connection is over.
   *
   * @throws TypeError when `body` is no {@link BodyLease}
   * @throws HttpServerError `LEASE_RELEASED`; `LEASE_BUSY` while an operation has the memory
   */
  lease(body: BodyLease): void {
    if (!(body instanceof BodyLease)) throw unsendable('a BodyLease', body);
    this.#open().respondLease(this.#status, this.#fields, this.#kindOr(KIND_BYTES), body);
  }

  /** Replies without a body: `Content-Length: 0` unless the status forbids it. The status stays, or becomes `status`. */
  empty(status?: number): void {
    if (status !== undefined) this.status(status);
    this.#open().respondBytes(this.#status, this.#fields, this.#kindOr(KIND_NONE), EMPTY);
  }

  /** Replies with `Location` and an empty body. @param status 302 unless given */
  redirect(location: string, status = 302): void {
    this.status(status).header('Location', location).empty();
  }

  /**
   * Sends a piece of the body, and the head before the first. Without `Content-Length` HTTP/1.1 gets chunks, HTTP/1.0 a
   * close-delimited body. Large byte arrays are sent from where they are: see {@link bytes}.
   *
   * @returns false when the peer is slow: wait for {@link drained} before writing more
   * @throws HttpServerError `LENGTH_MISMATCH` when this is more than `Content-Length` declared; the connection is aborted
   */
  write(chunk: string | Uint8Array): boolean {
    const carrier = this.#writable();
    assertChunk(chunk);
    if (carrier.replyPhase === REPLY_NONE)
      carrier.start(this.#status, this.#fields, this.#kindOr(KIND_NONE));
    return typeof chunk === 'string'
      ? carrier.writeString(chunk)
      : carrier.writeBytes(ourBytes(chunk));
  }

  /**
   * Ends the reply, after a last piece if given. Without any {@link write} before, the reply is sent whole with `Content-Length`, a body lease as
   * {@link lease} does it; after one it is copied.
   *
   * @throws HttpServerError `LENGTH_MISMATCH` when `Content-Length` declared more; the connection is aborted
   */
  end(chunk?: string | Uint8Array | BodyLease): void {
    const carrier = this.#writable();
    if (chunk instanceof BodyLease) {
      if (carrier.replyPhase !== REPLY_NONE || this.#trailers !== null) {
        this.end(chunk.bytes());
        chunk.end();
      } else carrier.respondLease(this.#status, this.#fields, this.#kindOr(KIND_NONE), chunk);
      return;
    }
    if (chunk !== undefined) assertChunk(chunk);
    if (carrier.replyPhase === REPLY_NONE && this.#trailers === null) {
      if (typeof chunk === 'string') {
        carrier.respondString(this.#status, this.#fields, this.#kindOr(KIND_NONE), chunk);
      } else {
        const bytes = chunk === undefined ? EMPTY : ourBytes(chunk);
        carrier.respondBytes(this.#status, this.#fields, this.#kindOr(KIND_NONE), bytes);
      }
      return;
    }
    if (carrier.replyPhase === REPLY_NONE)
      carrier.start(this.#status, this.#fields, this.#kindOr(KIND_NONE));
    if (typeof chunk === 'string') carrier.writeString(chunk);
    else if (chunk !== undefined) carrier.writeBytes(ourBytes(chunk));
    carrier.finish(this.#trailers);
  }

  /** Sends the head now; {@link write} and {@link end} follow. */
  flushHead(): this {
    this.#open().start(this.#status, this.#fields, this.#kindOr(KIND_NONE));
    return this;
  }

  /** Resolves when the peer took enough of what was written for more to be written: not when all of it is sent. @throws HttpServerError `PEER_GONE` */
  drained(): Promise<void> {
    const carrier = this.#carrier;
    if (carrier.generation === this.#generation) return carrier.whenDrained();
    return carrier.lost === this.#generation ? NOWHERE.whenDrained() : Promise.resolve();
  }

  /**
   * Settles when no memory given to {@link bytes}, {@link write} and {@link end} of this reply so far is needed any more: it may be written to again. Resolves
   * when the kernel has taken all bytes, and those that it sends without a copy, the peer's. What was written to the connection before and meanwhile,
   * by a reply that follows, may be waited for too. Says nothing about what the peer's program has read.
   *
   * Costs what a promise costs, and only who asks. It rejects, so await it in the handler or catch it.
   *
   * @throws HttpServerError `PEER_GONE` when the connection ended before; the memory is free then as well
   *
   * @example
   * ```ts
   * import { serve } from '@ringbearer/http-server';
   *
   * const spare = [Buffer.alloc(1 << 20)]; // memory that is used again and again
   * const server = await serve({
   *   port: 0,
   *   raw: async (request, reply) => {
   *     const buffer = spare.pop() ?? Buffer.alloc(1 << 20);
   *     reply.bytes(buffer.fill('x'));
   *     await reply.sent().finally(() => spare.push(buffer));
   *   },
   * });
   * const response = await fetch(server.url);
   * console.log((await response.text()).length); // 1048576
   * await server.close();
   * ```
   */
  sent(): Promise<void> {
    const carrier = this.#carrier;
    return carrier.whenSent(carrier.lost === this.#generation);
  }

  /**
   * Sends an interim response such as 103 Early Hints (RFC 8297). HTTP/1.0 peers get none.
   *
   * @throws RangeError unless `status` is from 100 to 199 and not 101
   */
  informational(status: number, fields?: FieldsInit): void {
    // Before it is known whether the reply is open still: getters may close it.
    const lines = fields === undefined ? null : fieldsOf(fields);
    const carrier = this.#open();
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
      throw new RangeError(
        `Cannot send interim response as status must be from 100 to 199 and not 101: current value is ${status}`,
      );
    }
    carrier.informational(status, lines);
  }

  /**
   * Adds a trailer, sent after the last chunk of a streamed reply and dropped where the protocol has no place for it.
   *
   * @throws TypeError as {@link header}, and for a field that must stand in the head: what frames, routes, controls or describes the message, or
   *   authenticates (RFC 9110 section 6.5.1)
   */
  trailer(name: string, value: FieldValue): this {
    this.#writable();
    if (!mayTrail(fieldName(name))) {
      throw new TypeError(
        `Cannot add trailer as name must not be that of a field the head has to have: current value is ${JSON.stringify(name)}`,
      );
    }
    this.#trailers ??= new ReplyFields();
    this.#trailers.append(name, value);
    return this;
  }

  /**
   * Answers `101 Switching Protocols` and hands the connection to another orbit, with every byte that follows the request.
   *
   * @param protocol the token for `Upgrade`, such as `websocket`
   * @throws TypeError when `protocol` is no token or a field cannot be sent
   * @throws HttpServerError `REPLY_STARTED` when the request did not ask for an upgrade (RFC 9110 section 7.8)
   */
  upgrade(protocol: string, app: Blueprint, fields?: FieldsInit): void {
    assertProtocol(protocol);
    const lines = fields === undefined ? null : fieldsOf(fields);
    this.#open().upgrade(protocol, lines, app);
  }

  #string(kind: ContentKind, body: string): void {
    if (typeof body !== 'string') throw unsendable('a string', body);
    this.#open().respondString(this.#status, this.#fields, this.#kindOr(kind), body);
  }

  /** The exchange is over: by our doing, which is a mistake of the caller, or not. */
  #over(): Sink {
    if (this.#carrier.lost === this.#generation) return NOWHERE;
    throw finished();
  }

  #kindOr(kind: ContentKind): ContentKind {
    return this.#kind < 0 ? kind : this.#kind;
  }

  /** Takes a Content-Type out of the way of the fields. */
  #isContentType(name: string, value: FieldValue): boolean {
    if (name?.length !== 12 || typeof value !== 'string' || fieldName(name) !== 'content-type') {
      return false;
    }
    if (!isContentKind(value)) assertFieldValue(name, value);
    this.#fields?.delete(name);
    this.#kind = contentKindOf(value);
    return this.#kind >= 0;
  }

  #open(): Sink {
    const carrier = this.#carrier;
    if (carrier.generation !== this.#generation) return this.#over();
    if (carrier.replyPhase !== REPLY_NONE) throw started();
    return carrier;
  }

  #writable(): Sink {
    const carrier = this.#carrier;
    if (carrier.generation !== this.#generation) return this.#over();
    if (carrier.replyPhase === REPLY_DONE) throw started();
    return carrier;
  }
}

type Sink = typeof NOWHERE;

function assertChunk(chunk: unknown): void {
  if (typeof chunk !== 'string' && !isBytes(chunk)) {
    throw unsendable('a string or a Uint8Array', chunk);
  }
}

/** A view of single bytes, from whichever realm. */
function isBytes(body: unknown): body is Uint8Array {
  return ArrayBuffer.isView(body) && (body as Uint8Array).BYTES_PER_ELEMENT === 1;
}

/** The same memory as what the runtimes tell apart from their own by `instanceof`. */
function ourBytes(body: Uint8Array): Uint8Array {
  if (body instanceof Uint8Array) return body;
  const { buffer, byteOffset, byteLength } = body as Uint8Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function unsendable(what: string, body: unknown): TypeError {
  return new TypeError(`Cannot reply as body must be ${what}: current value is ${String(body)}`);
}

function fieldsOf(init: FieldsInit): ReplyFields {
  const fields = new ReplyFields();
  for (const [name, value] of Object.entries(init)) fields.append(name, value);
  return fields;
}

function finished(): HttpServerError {
  return new HttpServerError('EXCHANGE_FINISHED', 'The exchange of this reply is over');
}

function started(): HttpServerError {
  return new HttpServerError('REPLY_STARTED', 'This reply was already begun');
}

import type { Blueprint } from '../sans-io/blueprint.js';
import { type Carrier, REPLY_DONE, REPLY_NONE } from './carrier.js';
import {
  type ContentKind,
  KIND_BYTES,
  KIND_HTML,
  KIND_JSON,
  KIND_NONE,
  KIND_TEXT,
} from './content-kind.js';
import { HttpServerError } from './errors.js';
import { assertFieldValue } from './field-syntax.js';
import { type FieldValue, ReplyFields } from './reply-fields.js';

const EMPTY = new Uint8Array(0);

/** Fields given as an object: one line per name, or one per element of an array. */
export type FieldsInit = Readonly<Record<string, FieldValue>>;

/**
 * The reply to one request: either whole (`text`, `json`, `html`, `bytes`, `empty`, `redirect`) or streamed (`write`... `end`).
 *
 * Every member throws `EXCHANGE_FINISHED` once the exchange is over and `REPLY_STARTED` when the head is already out.
 *
 * @example
 * ```ts
 * reply.status(201).header('Location', '/things/7').json({ id: 7 });
 * ```
 */
export class HttpReply {
  readonly #carrier: Carrier;
  readonly #generation: number;
  #status = 200;
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
    this.#fields ??= new ReplyFields();
    this.#fields.set(name, value);
    return this;
  }

  /** Adds lines to a field. @throws as {@link header} */
  append(name: string, value: FieldValue): this {
    this.#open();
    this.#fields ??= new ReplyFields();
    this.#fields.append(name, value);
    return this;
  }

  /** What {@link header} set, the first line only. */
  getHeader(name: string): string | undefined {
    return this.#fields?.get(name);
  }

  /** Undoes {@link header} and {@link append}. */
  removeHeader(name: string): this {
    this.#open();
    this.#fields?.delete(name);
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
   * are: do not change them until {@link drained} resolved or the connection closed.
   */
  bytes(body: Uint8Array): void {
    const carrier = this.#open();
    carrier.respondBytes(this.#status, this.#fields, KIND_BYTES, body);
  }

  /** Replies without a body: `Content-Length: 0` unless the status forbids it. The status stays, or becomes `status`. */
  empty(status?: number): void {
    if (status !== undefined) this.status(status);
    this.#open().respondBytes(this.#status, this.#fields, KIND_NONE, EMPTY);
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
    if (carrier.replyPhase === REPLY_NONE) carrier.start(this.#status, this.#fields);
    return typeof chunk === 'string' ? carrier.writeString(chunk) : carrier.writeBytes(chunk);
  }

  /**
   * Ends the reply, after a last piece if given. Without any {@link write} before, the reply is sent whole with `Content-Length`.
   *
   * @throws HttpServerError `LENGTH_MISMATCH` when `Content-Length` declared more; the connection is aborted
   */
  end(chunk?: string | Uint8Array): void {
    const carrier = this.#writable();
    if (carrier.replyPhase === REPLY_NONE && this.#trailers === null) {
      if (typeof chunk === 'string') {
        carrier.respondString(this.#status, this.#fields, KIND_NONE, chunk);
      } else carrier.respondBytes(this.#status, this.#fields, KIND_NONE, chunk ?? EMPTY);
      return;
    }
    if (carrier.replyPhase === REPLY_NONE) carrier.start(this.#status, this.#fields);
    if (typeof chunk === 'string') carrier.writeString(chunk);
    else if (chunk !== undefined) carrier.writeBytes(chunk);
    carrier.finish(this.#trailers);
  }

  /** Sends the head now; {@link write} and {@link end} follow. */
  flushHead(): this {
    this.#open().start(this.#status, this.#fields);
    return this;
  }

  /** Resolves when the peer took enough of what was written. @throws HttpServerError `PEER_GONE` */
  drained(): Promise<void> {
    const carrier = this.#carrier;
    if (carrier.generation !== this.#generation) return Promise.resolve();
    return carrier.whenDrained();
  }

  /**
   * Sends an interim response such as 103 Early Hints (RFC 8297). HTTP/1.0 peers get none.
   *
   * @throws RangeError unless `status` is from 100 to 199 and not 101
   */
  informational(status: number, fields?: FieldsInit): void {
    const carrier = this.#open();
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
      throw new RangeError(
        `Cannot send interim response as status must be from 100 to 199 and not 101: current value is ${status}`,
      );
    }
    carrier.informational(status, fields === undefined ? null : fieldsOf(fields));
  }

  /**
   * Adds a trailer, sent after the last chunk of a streamed reply and dropped where the protocol has no place for it.
   *
   * @throws TypeError as {@link header}
   */
  trailer(name: string, value: FieldValue): this {
    this.#writable();
    this.#trailers ??= new ReplyFields();
    this.#trailers.append(name, value);
    return this;
  }

  /**
   * Answers `101 Switching Protocols` and hands the connection to another orbit, with every byte that follows the request.
   *
   * @param protocol the token for `Upgrade`
   * @throws HttpServerError `REPLY_STARTED` when the request did not ask for an upgrade (RFC 9110 section 7.8)
   */
  upgrade(protocol: string, app: Blueprint, fields?: FieldsInit): void {
    const carrier = this.#open();
    assertFieldValue('Upgrade', protocol);
    carrier.upgrade(protocol, fields === undefined ? null : fieldsOf(fields), app);
  }

  #string(kind: ContentKind, body: string): void {
    this.#open().respondString(this.#status, this.#fields, kind, body);
  }

  #open(): Carrier {
    const carrier = this.#carrier;
    if (carrier.generation !== this.#generation) throw finished();
    if (carrier.replyPhase !== REPLY_NONE) throw started();
    return carrier;
  }

  #writable(): Carrier {
    const carrier = this.#carrier;
    if (carrier.generation !== this.#generation) throw finished();
    if (carrier.replyPhase === REPLY_DONE) throw started();
    return carrier;
  }
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

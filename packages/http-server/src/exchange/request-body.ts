import { copyBytes } from '../sans-io/copy-bytes.js';
import type { HeldBytes } from '../sans-io/held-bytes.js';
import type { PeerAddress } from '../sans-io/left.js';
import { BodyLease } from './body-lease.js';
import { HttpServerError } from './errors.js';
import { HeapBytes } from './heap-bytes.js';
import { parseJson } from './parse-json.js';

/** A reader that holds this many bytes asks for no more until some are taken: one receive buffer of a busy server. */
export const BODY_QUEUE_BYTES_MAX = 65_536;
/** What a queued piece costs beside its bytes: without it a body of one-byte chunks would hold a hundred times its size. */
const PIECE_OVERHEAD_BYTES = 128;
/** The most that is allocated on the word of `Content-Length` alone. */
const TRUSTED_BYTES = 65_536;
/** Beyond that, this many times what has arrived is believed: a large body is copied once while it grows, and a claim alone costs little. */
const TRUST = 16;

const IDLE = 0;
const COLLECTING = 1;
const READING = 2;

const EMPTY = new Uint8Array(0);
const decoder = new TextDecoder('utf-8');

/** A trailer field: name as sent, value. */
export type TrailerField = readonly [name: string, value: string];

/** What a body needs from the protocol that feeds it. */
export interface BodySource {
  /** As declared; -1 for chunks. */
  readonly bodyLength: number;
  /** The reader wants more. */
  pullBody(): void;
  /** Where the request came from. */
  peer(): PeerAddress | null;
  /** Within {@link RequestBody.push}: those bytes stay where they are, and this holds them. Null: they are to be copied. */
  takeBody(bytes: Uint8Array, start: number, end: number): HeldBytes | null;
  /** A lease was made: it ends with the exchange, at the latest. */
  leased(lease: BodyLease): void;
}

/** Limits of one reading. */
export interface BodyOptions {
  /** Refuse more than this many bytes with `BODY_TOO_LARGE` (413). Default: the server's `maxBodyBytes` alone. */
  readonly maxBytes?: number;
}

/**
 * The body of a request. It is read once, in one of two ways: collected (`bytes`, `text`, `json`, `lease`) or piece by piece (`read`,
 * `for await`). Nothing is received from the peer before one of them is called, and no more than {@link BODY_QUEUE_BYTES_MAX} is
 * held for a reader that is slower than its peer.
 *
 * The other half (`push`, `finish`, `fail`, `wants`) is the protocol's.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #source: BodySource;
  #mode = IDLE;
  #done = false;
  #error: unknown = null;
  #trailers: readonly TrailerField[] = [];
  // Collecting.
  #collected: Uint8Array = EMPTY;
  #collectedBytes = 0;
  #limit = Number.POSITIVE_INFINITY;
  /** Text is wanted, not bytes. */
  #asText = false;
  /** It, when all of it came in one piece. */
  #text: string | null = null;
  /** A lease is wanted, not bytes: what there is of it; what was collected comes behind. */
  #held: HeldBytes[] | null = null;
  // Reading.
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #resolve: ((result: Uint8Array | string | BodyLease | null) => void) | null = null;
  #reject: ((error: unknown) => void) | null = null;

  constructor(source: BodySource) {
    this.#source = source;
  }

  /** True once reading began. */
  get used(): boolean {
    return this.#mode !== IDLE;
  }

  /** The trailer section, empty until the body ended. Framing and routing fields are dropped (RFC 9110 section 6.5.1). */
  get trailers(): readonly TrailerField[] {
    return this.#trailers;
  }

  /**
   * The whole body.
   *
   * @throws HttpServerError `BODY_USED`, `BODY_TOO_LARGE`, `BODY_INVALID`, `BODY_TIMEOUT`, `PEER_GONE`
   */
  bytes(options?: BodyOptions): Promise<Uint8Array> {
    return this.#whole(options, EMPTY);
  }

  /** The whole body decoded as UTF-8, without its byte order mark. @throws as {@link bytes} */
  text(options?: BodyOptions): Promise<string> {
    if (this.#mode === IDLE) this.#asText = true;
    return this.#whole(options, '');
  }

  /** The whole body parsed as JSON. @throws as {@link bytes}, and `BODY_NOT_JSON` (400) */
  json(options?: BodyOptions): Promise<unknown> {
    return this.text(options).then(parseJson);
  }

  /**
   * The whole body where it was received, to be read, sent on and given back: for large ones, which are not copied. See {@link BodyLease}.
   *
   * @throws as {@link bytes}
   */
  lease(options?: BodyOptions): Promise<BodyLease> {
    if (this.#mode !== IDLE) return Promise.reject(used());
    this.#held = [];
    return this.#whole(options, new BodyLease([]));
  }

  /** Begins to collect. @param nothing what an empty body comes to */
  #whole<T extends Uint8Array | string | BodyLease>(
    options: BodyOptions | undefined,
    nothing: T,
  ): Promise<T> {
    if (this.#mode !== IDLE) return Promise.reject(used());
    this.#mode = COLLECTING;
    this.#limit = options?.maxBytes ?? Number.POSITIVE_INFINITY;
    if (this.#source.bodyLength > this.#limit) {
      this.#error = tooLarge(this.#limit);
      this.#mode = READING;
    }
    if (this.#error !== null) return Promise.reject(this.#error);
    if (this.#done) return Promise.resolve(nothing);
    const promise = this.#wait();
    this.#source.pullBody();
    return promise as Promise<T>;
  }

  /** The next piece, or null at the end. One call at a time. @throws as {@link bytes} */
  read(): Promise<Uint8Array | null> {
    if (this.#mode === COLLECTING || this.#resolve !== null) return Promise.reject(used());
    this.#mode = READING;
    const chunk = this.#queue.shift();
    if (chunk !== undefined) {
      const full = this.#queuedBytes >= BODY_QUEUE_BYTES_MAX;
      this.#queuedBytes -= chunk.length + PIECE_OVERHEAD_BYTES;
      if (full && !this.#done && this.wants) this.#source.pullBody();
      return Promise.resolve(chunk);
    }
    if (this.#error !== null) return Promise.reject(this.#error);
    if (this.#done) return Promise.resolve(null);
    const promise = this.#wait();
    this.#source.pullBody();
    return promise as Promise<Uint8Array | null>;
  }

  /** Yields the pieces as they arrive. Leaving the loop early leaves the rest to the server, which drains a bounded amount. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = await this.read();
      if (chunk === null) return;
      yield chunk;
    }
  }

  /** Protocol side: may bytes be pushed now? */
  get wants(): boolean {
    return (
      this.#error === null &&
      (this.#mode === COLLECTING ||
        (this.#mode === READING && this.#queuedBytes < BODY_QUEUE_BYTES_MAX))
    );
  }

  /** Protocol side: nobody looks at a part of it. */
  get collecting(): boolean {
    return this.#mode === COLLECTING;
  }

  /** Protocol side: body bytes arrived; they are copied. */
  push(bytes: Uint8Array, start: number, end: number): void {
    if (this.#error !== null || start === end) return;
    if (this.#mode === COLLECTING) {
      this.#collect(bytes, start, end);
      return;
    }
    const chunk = copyBytes(bytes, start, end);
    if (this.#resolve !== null) this.#settle(chunk);
    else {
      this.#queue.push(chunk);
      this.#queuedBytes += chunk.length + PIECE_OVERHEAD_BYTES;
    }
  }

  /** Protocol side: the body is complete. */
  finish(trailers: readonly TrailerField[]): void {
    if (this.#done || this.#error !== null) return;
    this.#done = true;
    this.#trailers = trailers;
    if (this.#resolve === null) return;
    if (this.#mode === COLLECTING) this.#settle(this.#text ?? this.#takeCollected());
    else this.#settle(null);
  }

  /** Protocol side: the rest of the body will not come. Pieces already queued are still delivered. */
  fail(error: unknown): void {
    if (this.#done || this.#error !== null) return;
    this.#error = error;
    this.#collected = EMPTY;
    if (this.#held !== null) for (const held of this.#held.splice(0)) held.release();
    const reject = this.#reject;
    this.#resolve = null;
    this.#reject = null;
    reject?.(error);
  }

  #takeCollected(): Uint8Array | string | BodyLease {
    const collected = this.#collected;
    this.#collected = EMPTY;
    const length = this.#collectedBytes;
    const bytes = length === collected.length ? collected : collected.subarray(0, length);
    if (this.#held !== null) return this.#takeLease(this.#held, bytes);
    return this.#asText ? decoder.decode(bytes) : bytes;
  }

  #takeLease(held: HeldBytes[], rest: Uint8Array): BodyLease {
    if (rest.length > 0) held.push(new HeapBytes(rest));
    const lease = new BodyLease(held);
    this.#source.leased(lease);
    return lease;
  }

  #wait(): Promise<Uint8Array | string | BodyLease | null> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  #settle(result: Uint8Array | string | BodyLease | null): void {
    const resolve = this.#resolve;
    this.#resolve = null;
    this.#reject = null;
    resolve?.(result);
  }

  #collect(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#collectedBytes + (end - start);
    if (length > this.#limit) {
      this.fail(tooLarge(this.#limit));
      return;
    }
    if (this.#asText && end - start === this.#source.bodyLength) {
      // Decoded where it is: text needs no copy of the bytes.
      this.#text = decoder.decode(bytes.subarray(start, end));
      return;
    }
    if (this.#held !== null && this.#keep(this.#held, bytes, start, end)) return;
    if (length > this.#collected.length) {
      const grown = this.#room(length);
      grown.set(this.#collected.subarray(0, this.#collectedBytes));
      this.#collected = grown;
    }
    this.#collected.set(bytes.subarray(start, end), this.#collectedBytes);
    this.#collectedBytes = length;
  }

  /** Keeps bytes where they are, behind those that were collected. */
  #keep(held: HeldBytes[], bytes: Uint8Array, start: number, end: number): boolean {
    const kept = this.#source.takeBody(bytes, start, end);
    if (kept === null) return false;
    if (this.#collectedBytes > 0) {
      held.push(new HeapBytes(this.#collected.subarray(0, this.#collectedBytes)));
      this.#collected = EMPTY;
      this.#collectedBytes = 0;
    }
    held.push(kept);
    return true;
  }

  /** Memory for `length` bytes and some of those to come. */
  #room(length: number): Uint8Array {
    const declared = this.#source.bodyLength;
    const doubled = Math.max(length, this.#collected.length * 2);
    if (declared < length) return new Uint8Array(doubled);
    const trusted = Math.max(doubled, TRUSTED_BYTES, length * TRUST);
    // Not zeroed: nobody sees it before it is written to its end, which is where the body ends.
    return new Uint8Array(Buffer.allocUnsafeSlow(Math.min(declared, trusted)).buffer);
  }
}

function used(): HttpServerError {
  return new HttpServerError('BODY_USED', 'The request body is already being read');
}

function tooLarge(limit: number): HttpServerError {
  return new HttpServerError(
    'BODY_TOO_LARGE',
    `The request body is larger than ${limit} bytes`,
    413,
  );
}

import type { TrailerField } from '../../exchange/request-body.js';
import type { Left } from '../../sans-io/left.js';
import { ChunkedDecoder, type ChunkSink } from './chunked-decoder.js';
import type { ResolvedHttp1Limits } from './limits.js';

const NO_TRAILERS: readonly TrailerField[] = [];
/** A body that is collected and this long is asked for in one piece. */
const GATHERED_BYTES_MIN = 131_072;
const DISCARD: ChunkSink = { push() {} };

/**
 * The receiving side of request bodies (RFC 9112 section 6): finds where each ends, and drops what nobody wants. Made with the first body of a
 * connection and used for all.
 */
export class BodyReceiver {
  readonly #limits: ResolvedHttp1Limits;
  #decoder: ChunkedDecoder | null = null;
  #chunked = false;
  /** As declared, -1 for chunks. */
  #length = 0;
  /** Bytes still to come, when the length was declared. */
  #remaining = 0;
  #maxBytes: number;
  #dropped = 0;
  /** What the Left shows together: nothing is taken before. */
  #awaited = 0;

  /** The peer waits for `100 Continue` before it sends. */
  awaitsContinue = false;
  /** The handler replied without reading to the end: the rest is dropped. */
  draining = false;

  constructor(limits: ResolvedHttp1Limits) {
    this.#limits = limits;
    this.#maxBytes = limits.maxBodyBytes;
  }

  /** The most bytes this body may have. */
  get maxBytes(): number {
    return this.#maxBytes;
  }
  set maxBytes(bytes: number) {
    this.#maxBytes = bytes;
    if (this.#decoder !== null) this.#decoder.maxBodyBytes = bytes;
  }

  /** It was announced to have more. */
  get tooLarge(): boolean {
    return this.#length > this.#maxBytes;
  }

  /** Another body. @param length as declared, -1 for chunks */
  begin(length: number, awaitsContinue: boolean): void {
    this.#chunked = length < 0;
    this.#length = length;
    this.#remaining = length;
    this.#maxBytes = this.#limits.maxBodyBytes;
    this.#awaited = 0;
    this.awaitsContinue = awaitsContinue;
    this.draining = false;
    if (!this.#chunked) return;
    if (this.#decoder === null) this.#decoder = new ChunkedDecoder(this.#limits);
    else this.#decoder.reset();
  }

  /** From here on every byte is dropped. */
  drain(left: Left): void {
    this.draining = true;
    this.#dropped = 0;
    if (this.#awaited > 0) left.gather(0);
    this.#awaited = 0;
  }

  /**
   * Whether somebody who wants the whole body is better served later, with more of it in one piece.
   * @param shown bytes of it that are here
   */
  awaitsMore(left: Left, shown: number): boolean {
    if (this.draining) return false;
    if (this.#awaited === 0 && !this.#chunked && this.#remaining > shown) {
      const remaining = this.#remaining;
      if (remaining >= GATHERED_BYTES_MIN) this.#awaited = left.gather(remaining);
    }
    if (shown < this.#awaited) return true;
    this.#awaited = 0;
    return false;
  }

  /**
   * Takes body bytes, at most one run of data. With chunks, part of what was given may be left with the caller.
   *
   * @returns the offset after what was taken, or a fault
   */
  take(bytes: Uint8Array, start: number, end: number, sink: ChunkSink | null): number {
    const to = this.draining || sink === null ? DISCARD : sink;
    let next: number;
    if (this.#chunked) next = this.#decoder!.decode(bytes, start, end, to);
    else {
      next = Math.min(end, start + this.#remaining);
      this.#remaining -= next - start;
      to.push(bytes, start, next);
    }
    if (this.draining) this.#dropped += next - start;
    return next;
  }

  /** The last byte was taken. */
  get done(): boolean {
    return this.#chunked ? this.#decoder!.done : this.#remaining === 0;
  }

  /** Once {@link done}. */
  get trailers(): readonly TrailerField[] {
    return this.#chunked ? this.#decoder!.trailers : NO_TRAILERS;
  }

  /** More was dropped than a connection is worth. */
  get drainedTooMuch(): boolean {
    return this.#dropped > this.#limits.maxDrainBytes;
  }

  /** The rest will not be received for nobody: it is known to be too long, or the peer may never send it. */
  get unwelcome(): boolean {
    return this.awaitsContinue || (!this.#chunked && this.#remaining > this.#limits.maxDrainBytes);
  }
}

import { KIND_NONE } from '../../exchange/content-kind.js';
import type { ReplyFields } from '../../exchange/reply-fields.js';
import { type Left, RESERVE_BYTES_MAX } from '../../sans-io/left.js';
import { headBytesMax, LENGTH_CHUNKED, LENGTH_NONE, writeFields } from './head-writer.js';
import { writeHex, writeLatin1 } from './reply-heads.js';
import { writeAscii, writeReserved } from './reserved.js';
import { isBodyless } from './status.js';

// How the body is delimited.
const FRAME_NONE = 0;
const FRAME_LENGTH = 1;
const FRAME_CHUNKED = 2;
const FRAME_CLOSE = 3;

const CR = 0x0d;
const LF = 0x0a;
/** Chunk size line and the CRLF after the data. */
const CHUNK_FRAME_BYTES = 24;
/** From here on sending in place beats a copy. */
const COPY_BYTES_MAX = RESERVE_BYTES_MAX - 1_024;

/**
 * The body of a streamed reply: how it is delimited (RFC 9112 section 6.3), and its pieces. Chunks on HTTP/1.1 unless a length was declared,
 * until the connection closes on HTTP/1.0.
 */
export class ReplyStream {
  readonly #frame: number;
  readonly #declared: number;
  #written = 0;
  /** What the head says: a Content-Length, {@link LENGTH_CHUNKED} or {@link LENGTH_NONE}. */
  readonly length: number;
  /** The end of the connection is the end of the body. */
  readonly closes: boolean;

  /** @param declared what the handler set Content-Length to, or -1 */
  constructor(status: number, declared: number, isHead: boolean, modern: boolean) {
    this.#declared = declared;
    this.closes = false;
    let frame = FRAME_NONE;
    if (isBodyless(status)) this.length = status === 304 ? declared : LENGTH_NONE;
    else if (status === 205) this.length = 0;
    else if (declared >= 0) {
      frame = FRAME_LENGTH;
      this.length = declared;
    } else if (modern) {
      frame = FRAME_CHUNKED;
      this.length = LENGTH_CHUNKED;
    } else {
      frame = FRAME_CLOSE;
      this.length = LENGTH_NONE;
      this.closes = true;
    }
    this.#frame = isHead ? FRAME_NONE : frame;
  }

  /** Sends a piece. False when that is more than was declared: nothing was sent then. */
  write(left: Left, chunk: Uint8Array): boolean {
    const length = chunk.length;
    const frame = this.#frame;
    if (length === 0 || frame === FRAME_NONE) return true;
    if (frame === FRAME_LENGTH) {
      this.#written += length;
      if (this.#written > this.#declared) return false;
    }
    const chunked = frame === FRAME_CHUNKED;
    if (length > COPY_BYTES_MAX) {
      if (chunked) writeAscii(left, `${length.toString(16)}\r\n`);
      left.send(chunk);
      if (chunked) writeAscii(left, '\r\n');
      return true;
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
    return true;
  }

  /** Sends what ends the body. False when less was written than was declared. */
  finish(left: Left, trailers: ReplyFields | null): boolean {
    if (this.#frame === FRAME_LENGTH) return this.#written === this.#declared;
    if (this.#frame !== FRAME_CHUNKED) return true;
    if (trailers === null) {
      writeAscii(left, '0\r\n\r\n');
      return true;
    }
    writeReserved(left, headBytesMax(trailers, KIND_NONE), (out, start) => {
      const p = writeFields(out, writeLatin1(out, start, '0\r\n'), trailers);
      return writeLatin1(out, p, '\r\n');
    });
    return true;
  }
}

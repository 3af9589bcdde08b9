import type { TrailerField } from '../../exchange/request-body.js';
import { mayTrail } from '../../exchange/trailer-names.js';
import { CLASSES, HEX_VALUES, TOKEN, VALUE } from './character-classes.js';
import {
  FAULT_BARE_CR,
  FAULT_BODY_LENGTH,
  FAULT_CHUNK_END,
  FAULT_CHUNK_EXTENSION,
  FAULT_CHUNK_EXTENSION_LENGTH,
  FAULT_CHUNK_SIZE,
  FAULT_CHUNK_SIZE_RANGE,
  FAULT_HEAD_LENGTH,
} from './faults.js';
import { FieldLines } from './field-lines.js';
import { latin1 } from './latin1.js';

/** Extension bytes of one body: nobody uses them, so they only cost (RFC 9112 section 7.1.1 asks for a limit). */
const CHUNK_EXTENSION_BYTES_MAX = 4_096;
/** 2^53 has 14 hexadecimal digits; more are tolerated as leading zeros up to a 64-bit number's 16. */
const SIZE_DIGITS_MAX = 16;

const SIZE = 0;
const EXTENSION_NAME = 1;
const EXTENSION_NAME_MORE = 2;
const EXTENSION_VALUE = 3;
const EXTENSION_VALUE_MORE = 4;
const EXTENSION_QUOTED = 5;
const EXTENSION_ESCAPE = 6;
const EXTENSION_AFTER = 7;
const SIZE_LF = 8;
const DATA = 9;
const DATA_CR = 10;
const DATA_LF = 11;
const TRAILERS = 12;
const DONE = 13;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;

/** Takes the data of chunks as it is found. */
export interface ChunkSink {
  /** Takes a run of data, valid during the call. */
  push(bytes: Uint8Array, start: number, end: number): void;
}

/** The size limits a chunked body is held against. */
export interface ChunkLimits {
  /** Bytes of data. */
  readonly maxBodyBytes: number;
  /** Bytes of the trailer section. */
  readonly maxHeaderBytes: number;
  /** Fields of the trailer section. */
  readonly maxHeaders: number;
}

/**
 * The chunked transfer coding (RFC 9112 section 7.1), strict: hexadecimal digits, well-formed extensions without whitespace, CRLF.
 *
 * Theory: the machine steps byte by byte through size lines and in blocks through data. It consumes everything it is given, except
 * in the trailer section, whose lines are left with the caller until the section is complete.
 */
export class ChunkedDecoder {
  readonly #limits: ChunkLimits;
  /** Bytes of data this body may have. Set anew for every body. */
  maxBodyBytes: number;
  #state = SIZE;
  #remaining = 0;
  #digits = 0;
  #extensionBytes = 0;
  #bodyBytes = 0;
  #scanned = 0;
  #trailers: readonly TrailerField[] = [];

  constructor(limits: ChunkLimits) {
    this.#limits = limits;
    this.maxBodyBytes = limits.maxBodyBytes;
  }

  /** The last chunk and the trailer section were consumed. */
  get done(): boolean {
    return this.#state === DONE;
  }

  /** Data bytes seen so far. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** Once {@link done}. */
  get trailers(): readonly TrailerField[] {
    return this.#trailers;
  }

  /** Starts over, for the next body. */
  reset(): void {
    this.maxBodyBytes = this.#limits.maxBodyBytes;
    this.#state = SIZE;
    this.#remaining = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#bodyBytes = 0;
    this.#scanned = 0;
    this.#trailers = [];
  }

  /**
   * Decodes `bytes[start, end)`, at most up to the end of the body and, so that the sink can hold back, up to the end of one run of data.
   *
   * @returns the offset after what was consumed, or a fault
   */
  decode(bytes: Uint8Array, start: number, end: number, sink: ChunkSink): number {
    let p = start;
    while (p < end) {
      if (this.#state === DATA) {
        const length = Math.min(end - p, this.#remaining);
        sink.push(bytes, p, p + length);
        this.#remaining -= length;
        if (this.#remaining === 0) this.#state = DATA_CR;
        return p + length;
      }
      if (this.#state === TRAILERS) return this.#trailerSection(bytes, p, end);
      if (this.#state === DONE) return p;
      const fault = this.#step(bytes[p]!);
      if (fault < 0) return fault;
      p++;
    }
    return p;
  }

  #step(byte: number): number {
    switch (this.#state) {
      case SIZE: {
        const digit = HEX_VALUES[byte]!;
        if (digit !== 255) {
          if (this.#digits === SIZE_DIGITS_MAX) return FAULT_CHUNK_SIZE_RANGE;
          this.#digits++;
          this.#remaining = this.#remaining * 16 + digit;
          return this.#remaining > Number.MAX_SAFE_INTEGER ? FAULT_CHUNK_SIZE_RANGE : 0;
        }
        if (this.#digits === 0) return FAULT_CHUNK_SIZE;
        if (byte === CR) this.#state = SIZE_LF;
        else if (byte === SEMICOLON) this.#state = EXTENSION_NAME;
        else return FAULT_CHUNK_SIZE;
        return 0;
      }
      case SIZE_LF:
        return byte === LF ? this.#sizeKnown() : FAULT_CHUNK_SIZE;
      case DATA_CR:
        this.#state = DATA_LF;
        return byte === CR ? 0 : FAULT_CHUNK_END;
      case DATA_LF:
        this.#state = SIZE;
        this.#digits = 0;
        return byte === LF ? 0 : FAULT_CHUNK_END;
      default:
        return this.#extension(byte);
    }
  }

  #sizeKnown(): number {
    if (this.#remaining === 0) {
      this.#state = TRAILERS;
      this.#scanned = 0;
      return 0;
    }
    this.#bodyBytes += this.#remaining;
    if (this.#bodyBytes > this.maxBodyBytes) return FAULT_BODY_LENGTH;
    this.#state = DATA;
    return 0;
  }

  /** `*( ";" chunk-ext-name [ "=" ( token / quoted-string ) ] )`, without the whitespace RFC 9112 calls bad. */
  #extension(byte: number): number {
    this.#extensionBytes++;
    if (this.#extensionBytes > CHUNK_EXTENSION_BYTES_MAX) return FAULT_CHUNK_EXTENSION_LENGTH;
    const token = (CLASSES[byte]! & TOKEN) !== 0;
    switch (this.#state) {
      case EXTENSION_NAME:
        this.#state = EXTENSION_NAME_MORE;
        return token ? 0 : FAULT_CHUNK_EXTENSION;
      case EXTENSION_NAME_MORE:
        if (token) return 0;
        if (byte !== EQUALS) return this.#extensionEnd(byte);
        this.#state = EXTENSION_VALUE;
        return 0;
      case EXTENSION_VALUE:
        this.#state = byte === QUOTE ? EXTENSION_QUOTED : EXTENSION_VALUE_MORE;
        return token || byte === QUOTE ? 0 : FAULT_CHUNK_EXTENSION;
      case EXTENSION_VALUE_MORE:
        return token ? 0 : this.#extensionEnd(byte);
      case EXTENSION_QUOTED:
        if (byte === QUOTE) this.#state = EXTENSION_AFTER;
        else if (byte === 0x5c) this.#state = EXTENSION_ESCAPE;
        else if ((CLASSES[byte]! & VALUE) === 0) return FAULT_CHUNK_EXTENSION;
        return 0;
      case EXTENSION_ESCAPE:
        this.#state = EXTENSION_QUOTED;
        return (CLASSES[byte]! & VALUE) !== 0 ? 0 : FAULT_CHUNK_EXTENSION;
      default:
        return this.#extensionEnd(byte);
    }
  }

  #extensionEnd(byte: number): number {
    if (byte === SEMICOLON) this.#state = EXTENSION_NAME;
    else if (byte === CR) this.#state = SIZE_LF;
    else return FAULT_CHUNK_EXTENSION;
    return 0;
  }

  /** Leaves the bytes with the caller until the section is complete; looks for its end once per byte and parses it once. */
  #trailerSection(bytes: Uint8Array, start: number, end: number): number {
    if (bytes[start] === CR && this.#scanned <= 1) {
      if (start + 1 === end) {
        this.#scanned = 1;
        return start;
      }
      if (bytes[start + 1] !== LF) return FAULT_BARE_CR;
      this.#state = DONE;
      return start + 2;
    }
    let p = start + this.#scanned;
    // Complete lines are parsed as soon as they are there, so that a fault is found with its line.
    while (p < end && bytes[p] !== LF) p++;
    if (p === end) {
      this.#scanned = end - start;
      return this.#scanned > this.#limits.maxHeaderBytes ? FAULT_HEAD_LENGTH : start;
    }
    const lines = new FieldLines(this.#limits.maxHeaders);
    const after = lines.parse(bytes, start, end);
    if (after < 0) return after;
    if (after === 0) {
      this.#scanned = end - start;
      return this.#scanned > this.#limits.maxHeaderBytes ? FAULT_HEAD_LENGTH : start;
    }
    if (after - start > this.#limits.maxHeaderBytes) return FAULT_HEAD_LENGTH;
    this.#trailers = fieldsOf(bytes, lines);
    this.#state = DONE;
    return after;
  }
}

function fieldsOf(bytes: Uint8Array, lines: FieldLines): readonly TrailerField[] {
  if (lines.count === 0) return [];
  const { table } = lines;
  const fields: TrailerField[] = [];
  for (let i = 0; i < lines.count * 4; i += 4) {
    const name = latin1(bytes, table[i]!, table[i + 1]!);
    if (!mayTrail(name.toLowerCase())) continue;
    fields.push([name, latin1(bytes, table[i + 2]!, table[i + 3]!)]);
  }
  return fields;
}

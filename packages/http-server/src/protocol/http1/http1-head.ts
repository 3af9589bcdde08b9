import type { RequestHead } from '../../exchange/request-head.js';
import { SlabMemory } from '../../exchange/slab-memory.js';
import { CLASSES, TARGET, TOKEN } from './character-classes.js';
import {
  FAULT_BARE_CR,
  FAULT_BARE_LF,
  FAULT_CODING,
  FAULT_CODING_1_0,
  FAULT_CODING_TWICE,
  FAULT_HEAD_LENGTH,
  FAULT_HOST,
  FAULT_HOST_MISSING,
  FAULT_HOST_TWICE,
  FAULT_LENGTH,
  FAULT_LENGTH_AND_CODING,
  FAULT_LENGTH_TWICE,
  FAULT_METHOD,
  FAULT_METHOD_LENGTH,
  FAULT_REQUEST_LINE,
  FAULT_TARGET,
  FAULT_TARGET_FORM,
  FAULT_TARGET_LENGTH,
  FAULT_VERSION,
  FAULT_VERSION_UNKNOWN,
} from './faults.js';
import { FieldLines } from './field-lines.js';
import { contentLength, transferCoding } from './framing.js';
import { isHost } from './host.js';
import { LastText } from './last-text.js';
import { latin1 } from './latin1.js';
import type { ResolvedHttp1Limits } from './limits.js';
import { equalsIgnoreCase, listHas } from './list.js';
import {
  METHOD_BYTES_MAX,
  METHOD_CONNECT,
  METHOD_GET,
  METHOD_NAMES,
  METHOD_OPTIONS,
  METHOD_OTHER,
  methodCode,
} from './methods.js';

const SP = 0x20;
const CR = 0x0d;
const LF = 0x0a;
const SLASH = 0x2f;
const QUESTION = 0x3f;

/** No `Expect` field. */
export const EXPECT_NONE = 0;
export const EXPECT_CONTINUE = 1;
/** An expectation nobody defined. */
export const EXPECT_OTHER = 2;

// A bit per length of a field name the connection has to look at.
const LENGTH_HOST = 4;
const LENGTH_EXPECT = 6;
const LENGTH_UPGRADE = 7;
const LENGTH_CONNECTION = 10;
const LENGTH_CONTENT_LENGTH = 14;
const LENGTH_TRANSFER_ENCODING = 17;
const LENGTHS =
  (1 << LENGTH_HOST) |
  (1 << LENGTH_EXPECT) |
  (1 << LENGTH_UPGRADE) |
  (1 << LENGTH_CONNECTION) |
  (1 << LENGTH_CONTENT_LENGTH) |
  (1 << LENGTH_TRANSFER_ENCODING);

/** Requests of one server mostly name one host. */
const hosts = new LastText();
const NO_BYTES = new Uint8Array(0);
/** Of all copies of a thread. */
const kept = new SlabMemory();

/** The parts of {@link ResolvedHttp1Limits} a head is held against. */
export type HeadLimits = Pick<
  ResolvedHttp1Limits,
  'maxHeaderBytes' | 'maxHeaders' | 'maxTargetBytes'
>;

/**
 * Start line and fields of an HTTP/1.x request, as offsets into the bytes they were parsed from.
 *
 * One head is shared by every connection of a thread: `parse` overwrites it, allocates nothing and makes one pass. What must outlive
 * the call that delivered the bytes is a {@link copy}.
 */
export class Http1Head implements RequestHead {
  readonly #limits: HeadLimits;
  readonly #secure: boolean;
  readonly #fields: FieldLines;
  #bytes: Uint8Array = NO_BYTES;
  #methodStart = 0;
  #methodEnd = 0;
  #targetStart = 0;
  #targetEnd = 0;
  #pathStart = 0;
  #hostStart = 0;
  #hostEnd = 0;
  #upgrade = -1;

  /** METHOD_* */
  methodCode = METHOD_OTHER;
  /** 10 or 11. */
  version = 11;
  /** The value of Content-Length; -1 when there is none. */
  contentLength = -1;
  /** `Transfer-Encoding: chunked`. */
  chunked = false;
  /** EXPECT_* */
  expect = EXPECT_NONE;
  /** What `Connection` and the version say about keeping the connection (RFC 9112 section 9.3). */
  keepAlive = true;
  /** `Upgrade` is there and named by `Connection`. */
  wantsUpgrade = false;
  /** After `parse` answered 0: where the first incomplete line begins. */
  line = 0;

  constructor(limits: HeadLimits, secure: boolean, fields = new FieldLines(limits.maxHeaders)) {
    this.#limits = limits;
    this.#secure = secure;
    this.#fields = fields;
  }

  /**
   * Parses a head that begins at `start`.
   *
   * @returns the offset after the head, 0 when it is incomplete ({@link line} tells how far it was looked at), or a fault
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    const afterLine = this.#requestLine(bytes, start, end);
    if (afterLine <= 0) {
      this.line = start;
      if (afterLine === 0 && end - start > this.#limits.maxHeaderBytes) return FAULT_HEAD_LENGTH;
      return afterLine;
    }
    const after = this.#fields.parse(bytes, afterLine, end);
    if (after <= 0) {
      if (after < 0) return after;
      this.line = this.#fields.line;
      return end - start > this.#limits.maxHeaderBytes ? FAULT_HEAD_LENGTH : 0;
    }
    if (after - start > this.#limits.maxHeaderBytes) return FAULT_HEAD_LENGTH;
    this.#bytes = bytes;
    const fault = this.#interpret(bytes);
    return fault < 0 ? fault : after;
  }

  /**
   * Goes on after `parse` or `resume` answered 0 and more bytes arrived that complete a line: looks at the lines from `line` on and, once
   * the head is complete, parses it as a whole. So a head that arrives byte by byte is looked at three times, not n times.
   */
  resume(bytes: Uint8Array, start: number, line: number, end: number): number {
    if (line > start) {
      const after = this.#fields.parse(bytes, line, end);
      if (after < 0) return after;
      if (after === 0) {
        this.line = this.#fields.line;
        return end - start > this.#limits.maxHeaderBytes ? FAULT_HEAD_LENGTH : 0;
      }
    }
    return this.parse(bytes, start, end);
  }

  #requestLine(bytes: Uint8Array, start: number, end: number): number {
    const classes = CLASSES;
    let p = start;
    if (
      end - p > 4 &&
      bytes[p + 3] === SP &&
      bytes[p] === 0x47 &&
      bytes[p + 1] === 0x45 &&
      bytes[p + 2] === 0x54
    ) {
      this.methodCode = METHOD_GET;
      p += 3;
    } else {
      while (p < end && (classes[bytes[p]!]! & TOKEN) !== 0) p++;
      if (p - start > METHOD_BYTES_MAX) return FAULT_METHOD_LENGTH;
      if (p === end) return 0;
      if (p === start) return bytes[p] === LF ? FAULT_BARE_LF : FAULT_METHOD;
      if (bytes[p] !== SP) return lineFault(bytes, p, end, FAULT_METHOD);
      this.methodCode = methodCode(bytes, start, p);
    }
    this.#methodStart = start;
    this.#methodEnd = p;
    const target = p + 1;
    p = target;
    while (p < end && (classes[bytes[p]!]! & TARGET) !== 0) p++;
    if (p - target > this.#limits.maxTargetBytes) return FAULT_TARGET_LENGTH;
    if (p === end) return 0;
    if (bytes[p] !== SP || p === target) {
      return lineFault(bytes, p, end, bytes[p] === SP ? FAULT_REQUEST_LINE : FAULT_TARGET);
    }
    this.#targetStart = target;
    this.#targetEnd = p;
    if (
      end - p > 10 &&
      bytes[p + 1] === 0x48 &&
      bytes[p + 2] === 0x54 &&
      bytes[p + 3] === 0x54 &&
      bytes[p + 4] === 0x50 &&
      bytes[p + 5] === SLASH &&
      bytes[p + 6] === 0x31 &&
      bytes[p + 7] === 0x2e &&
      bytes[p + 8] === 0x31 &&
      bytes[p + 9] === CR &&
      bytes[p + 10] === LF
    ) {
      this.version = 11;
      return p + 11;
    }
    return this.#versionSlowly(bytes, p + 1, end);
  }

  /** Everything but a complete `HTTP/1.1 CRLF`. */
  #versionSlowly(bytes: Uint8Array, start: number, end: number): number {
    const expected = 'HTTP/0.0';
    for (let i = 0; i < expected.length; i++) {
      const p = start + i;
      if (p === end) return 0;
      const byte = bytes[p]!;
      const digit = i === 5 || i === 7;
      if (digit ? byte < 0x30 || byte > 0x39 : byte !== expected.charCodeAt(i)) {
        return lineFault(bytes, p, end, i === 0 ? FAULT_REQUEST_LINE : FAULT_VERSION);
      }
    }
    const p = start + 8;
    if (p === end) return 0;
    if (bytes[p] !== CR) return lineFault(bytes, p, end, FAULT_VERSION);
    if (p + 1 === end) return 0;
    if (bytes[p + 1] !== LF) return FAULT_BARE_CR;
    const major = bytes[start + 5]! - 0x30;
    const minor = bytes[start + 7]! - 0x30;
    if (major !== 1 || minor > 1) return FAULT_VERSION_UNKNOWN;
    this.version = 10 + minor;
    return p + 2;
  }

  /** What the fields mean for framing and routing. */
  #interpret(bytes: Uint8Array): number {
    const table = this.#fields.table;
    const entries = this.#fields.count << 2;
    let host = -1;
    this.contentLength = -1;
    this.chunked = false;
    this.expect = EXPECT_NONE;
    this.#upgrade = -1;
    this.wantsUpgrade = false;
    let coding = -1;
    let close = false;
    let keepAlive = false;
    let upgrade = false;
    for (let entry = 0; entry < entries; entry += 4) {
      const from = table[entry]!;
      const to = table[entry + 1]!;
      const length = to - from;
      if (length > LENGTH_TRANSFER_ENCODING || ((LENGTHS >>> length) & 1) === 0) continue;
      const valueStart = table[entry + 2]!;
      const valueEnd = table[entry + 3]!;
      switch (length) {
        case LENGTH_HOST:
          if (
            (bytes[from]! | 0x20) !== 0x68 ||
            (bytes[from + 1]! | 0x20) !== 0x6f ||
            (bytes[from + 2]! | 0x20) !== 0x73 ||
            (bytes[from + 3]! | 0x20) !== 0x74
          ) {
            break;
          }
          if (host >= 0) return FAULT_HOST_TWICE;
          if (!isHost(bytes, valueStart, valueEnd)) return FAULT_HOST;
          host = entry;
          break;
        case LENGTH_EXPECT:
          if (!equalsIgnoreCase(bytes, from, to, 'expect')) break;
          if (this.expect !== EXPECT_NONE) this.expect = EXPECT_OTHER;
          else {
            this.expect = equalsIgnoreCase(bytes, valueStart, valueEnd, '100-continue')
              ? EXPECT_CONTINUE
              : EXPECT_OTHER;
          }
          break;
        case LENGTH_UPGRADE:
          if (equalsIgnoreCase(bytes, from, to, 'upgrade')) this.#upgrade = entry;
          break;
        case LENGTH_CONNECTION:
          if (!equalsIgnoreCase(bytes, from, to, 'connection')) break;
          if (listHas(bytes, valueStart, valueEnd, 'close')) close = true;
          if (listHas(bytes, valueStart, valueEnd, 'keep-alive')) keepAlive = true;
          if (listHas(bytes, valueStart, valueEnd, 'upgrade')) upgrade = true;
          break;
        case LENGTH_CONTENT_LENGTH: {
          if (!equalsIgnoreCase(bytes, from, to, 'content-length')) break;
          if (this.contentLength >= 0) return FAULT_LENGTH_TWICE;
          if (isPaddedWithTab(bytes, to, valueStart, valueEnd)) return FAULT_LENGTH;
          const value = contentLength(bytes, valueStart, valueEnd);
          if (value < 0) return value;
          this.contentLength = value;
          break;
        }
        case LENGTH_TRANSFER_ENCODING:
          if (!equalsIgnoreCase(bytes, from, to, 'transfer-encoding')) break;
          if (coding >= 0) return FAULT_CODING_TWICE;
          if (isPaddedWithTab(bytes, to, valueStart, valueEnd)) return FAULT_CODING;
          coding = entry;
          break;
      }
    }
    const modern = this.version === 11;
    if (coding >= 0) {
      if (this.contentLength >= 0) return FAULT_LENGTH_AND_CODING;
      if (!modern) return FAULT_CODING_1_0;
      const fault = transferCoding(bytes, table[coding + 2]!, table[coding + 3]!);
      if (fault < 0) return fault;
      this.chunked = true;
    }
    if (host < 0) {
      if (modern) return FAULT_HOST_MISSING;
      this.#hostStart = 0;
      this.#hostEnd = 0;
    } else {
      this.#hostStart = table[host + 2]!;
      this.#hostEnd = table[host + 3]!;
    }
    // RFC 9110 section 10.1.1: an expectation in an HTTP/1.0 request is ignored.
    if (!modern) this.expect = EXPECT_NONE;
    this.keepAlive = !close && (modern || keepAlive);
    this.wantsUpgrade = modern && upgrade && this.#upgrade >= 0;
    if (bytes[this.#targetStart] === SLASH && this.methodCode !== METHOD_CONNECT) {
      this.#pathStart = this.#targetStart;
      return 0;
    }
    return this.#targetForm(bytes);
  }

  /** RFC 9112 section 3.2.2 to 3.2.4: a target that is not in origin-form. */
  #targetForm(bytes: Uint8Array): number {
    const start = this.#targetStart;
    const end = this.#targetEnd;
    this.#pathStart = end;
    if (this.methodCode === METHOD_CONNECT) {
      if (!isHost(bytes, start, end, true)) return FAULT_TARGET_FORM;
      this.#hostStart = start;
      this.#hostEnd = end;
      return 0;
    }
    if (bytes[start] === 0x2a && end - start === 1) {
      this.#pathStart = start;
      return this.methodCode === METHOD_OPTIONS ? 0 : FAULT_TARGET_FORM;
    }
    let p = start;
    if (equalsIgnoreCase(bytes, p, p + 7, 'http://')) p += 7;
    else if (equalsIgnoreCase(bytes, p, p + 8, 'https://')) p += 8;
    else return FAULT_TARGET_FORM;
    if (p > end) return FAULT_TARGET_FORM;
    const host = p;
    while (p < end && bytes[p] !== SLASH && bytes[p] !== QUESTION) p++;
    if (!isHost(bytes, host, p)) return FAULT_HOST;
    this.#hostStart = host;
    this.#hostEnd = p;
    this.#pathStart = p;
    return 0;
  }

  /** True for `OPTIONS *`. */
  get isAsterisk(): boolean {
    return this.#bytes[this.#targetStart] === 0x2a;
  }

  get method(): string {
    if (this.methodCode !== METHOD_OTHER) return METHOD_NAMES[this.methodCode]!;
    return this.#text(this.#methodStart, this.#methodEnd);
  }

  get target(): string {
    return this.#text(this.#targetStart, this.#targetEnd);
  }

  get path(): string {
    const start = this.#pathStart;
    const end = this.#queryStart();
    if (end - start <= 1) return end > start && this.#bytes[start] === 0x2a ? '*' : '/';
    return this.#text(start, end);
  }

  get query(): string {
    const start = this.#queryStart() + 1;
    return start >= this.#targetEnd ? '' : this.#text(start, this.#targetEnd);
  }

  get host(): string {
    return hosts.of(this.#bytes, this.#hostStart, this.#hostEnd);
  }

  get scheme(): 'http' | 'https' {
    return this.#secure ? 'https' : 'http';
  }

  get httpVersion(): '1.0' | '1.1' {
    return this.version === 11 ? '1.1' : '1.0';
  }

  get fieldCount(): number {
    return this.#fields.count;
  }

  fieldName(index: number): string {
    const table = this.#fields.table;
    return this.#text(table[index * 4]!, table[index * 4 + 1]!);
  }

  fieldValue(index: number): string {
    const table = this.#fields.table;
    return this.#text(table[index * 4 + 2]!, table[index * 4 + 3]!);
  }

  field(name: string): string | undefined {
    const lower = name.toLowerCase();
    const length = lower.length;
    const table = this.#fields.table;
    const entries = this.#fields.count << 2;
    const bytes = this.#bytes;
    let joined: string | undefined;
    for (let entry = 0; entry < entries; entry += 4) {
      const from = table[entry]!;
      const to = table[entry + 1]!;
      if (to - from !== length || !equalsIgnoreCase(bytes, from, to, lower)) continue;
      const value = this.#text(table[entry + 2]!, table[entry + 3]!);
      if (joined === undefined) joined = value;
      else joined += (lower === 'cookie' ? '; ' : ', ') + value;
    }
    return joined;
  }

  /** A head with bytes that stay: a copy of `bytes[start, end)`, which this one was parsed from. */
  copy(start: number, end: number): Http1Head {
    const by = kept.keep(this.#bytes, start, end) - start;
    const copy = new Http1Head(this.#limits, this.#secure, this.#fields.copy(by));
    copy.#bytes = kept.slab;
    copy.#methodStart = this.#methodStart + by;
    copy.#methodEnd = this.#methodEnd + by;
    copy.#targetStart = this.#targetStart + by;
    copy.#targetEnd = this.#targetEnd + by;
    copy.#pathStart = this.#pathStart + by;
    if (this.#hostEnd > 0) {
      copy.#hostStart = this.#hostStart + by;
      copy.#hostEnd = this.#hostEnd + by;
    }
    copy.#upgrade = this.#upgrade;
    copy.methodCode = this.methodCode;
    copy.version = this.version;
    copy.contentLength = this.contentLength;
    copy.chunked = this.chunked;
    copy.expect = this.expect;
    copy.keepAlive = this.keepAlive;
    copy.wantsUpgrade = this.wantsUpgrade;
    return copy;
  }

  #queryStart(): number {
    const bytes = this.#bytes;
    const end = this.#targetEnd;
    let p = this.#pathStart;
    while (p < end && bytes[p] !== QUESTION) p++;
    return p;
  }

  #text(start: number, end: number): string {
    return latin1(this.#bytes, start, end);
  }
}

/** Names the reason a request line ends early: a bare LF or CR, or a tab or a second space in place of the next part. */
function lineFault(bytes: Uint8Array, p: number, end: number, fault: number): number {
  const byte = bytes[p];
  if (byte === LF) return FAULT_BARE_LF;
  if (byte === CR) {
    if (p + 1 === end) return 0;
    return bytes[p + 1] === LF ? FAULT_REQUEST_LINE : FAULT_BARE_CR;
  }
  return byte === SP || byte === 0x09 ? FAULT_REQUEST_LINE : fault;
}

/**
 * True when HTAB stands around the value of a framing field. RFC 9112 section 5 allows it, parsers disagree on it, and no client sends it.
 */
function isPaddedWithTab(
  bytes: Uint8Array,
  nameEnd: number,
  valueStart: number,
  valueEnd: number,
): boolean {
  for (let p = nameEnd; p < valueStart; p++) if (bytes[p] === 0x09) return true;
  for (let p = valueEnd; bytes[p] !== CR; p++) if (bytes[p] === 0x09) return true;
  return false;
}

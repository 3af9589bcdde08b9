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
import { contentLength, isPaddedWithTab, transferCoding } from './framing.js';
import { isHost } from './host.js';
import { Http1Head } from './http1-head.js';
import type { ResolvedHttp1Limits } from './limits.js';
import { equalsIgnoreCase, listHas } from './list.js';
import {
  METHOD_BYTES_MAX,
  METHOD_CONNECT,
  METHOD_GET,
  METHOD_OPTIONS,
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

/** The parts of {@link ResolvedHttp1Limits} a head is held against. */
export type HeadLimits = Pick<
  ResolvedHttp1Limits,
  'maxHeaderBytes' | 'maxHeaders' | 'maxTargetBytes'
>;

/**
 * Parses the heads of HTTP/1.x requests (RFC 9112 sections 2 to 5), and is the last one it parsed.
 *
 * One parser serves every connection of a thread: `parse` overwrites it, allocates nothing and makes one pass.
 */
export class HeadParser extends Http1Head {
  readonly #limits: HeadLimits;

  /** The value of Content-Length; -1 when there is none. */
  contentLength = -1;
  /** `Transfer-Encoding: chunked`. */
  chunked = false;
  /** EXPECT_* */
  expect = EXPECT_NONE;
  /** What `Connection` and the version say about keeping the connection (RFC 9112 section 9.3). */
  keepAlive = true;
  /** After `parse` answered 0: where the first incomplete line begins. */
  line = 0;

  constructor(limits: HeadLimits, secure: boolean) {
    super(secure, new FieldLines(limits.maxHeaders));
    this.#limits = limits;
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
    const after = this.fields.parse(bytes, afterLine, end);
    if (after <= 0) {
      if (after < 0) return after;
      this.line = this.fields.line;
      return end - start > this.#limits.maxHeaderBytes ? FAULT_HEAD_LENGTH : 0;
    }
    if (after - start > this.#limits.maxHeaderBytes) return FAULT_HEAD_LENGTH;
    this.bytes = bytes;
    const fault = this.#interpret(bytes);
    return fault < 0 ? fault : after;
  }

  /**
   * Goes on after `parse` or `resume` answered 0 and more bytes arrived that complete a line: looks at the lines from `line` on and, once
   * the head is complete, parses it as a whole. So a head that arrives byte by byte is looked at three times, not n times.
   */
  resume(bytes: Uint8Array, start: number, line: number, end: number): number {
    if (line > start) {
      const after = this.fields.parse(bytes, line, end);
      if (after < 0) return after;
      if (after === 0) {
        this.line = this.fields.line;
        return end - start > this.#limits.maxHeaderBytes ? FAULT_HEAD_LENGTH : 0;
      }
    }
    return this.parse(bytes, start, end);
  }

  /** Parses a line that begins at `start`. Returns the offset after it, 0 when it is incomplete, or a fault. */
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
    this.methodStart = start;
    this.methodEnd = p;
    const target = p + 1;
    p = target;
    while (p < end && (classes[bytes[p]!]! & TARGET) !== 0) p++;
    if (p - target > this.#limits.maxTargetBytes) return FAULT_TARGET_LENGTH;
    if (p === end) return 0;
    if (bytes[p] !== SP || p === target) {
      return lineFault(bytes, p, end, bytes[p] === SP ? FAULT_REQUEST_LINE : FAULT_TARGET);
    }
    this.targetStart = target;
    this.targetEnd = p;
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
    const table = this.fields.table;
    const entries = this.fields.count << 2;
    let host = -1;
    this.contentLength = -1;
    this.chunked = false;
    this.expect = EXPECT_NONE;
    this.wantsUpgrade = false;
    let coding = -1;
    let close = false;
    let keepAlive = false;
    let upgrade = false;
    let upgradeNamed = false;
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
          if (equalsIgnoreCase(bytes, from, to, 'upgrade')) upgrade = true;
          break;
        case LENGTH_CONNECTION:
          if (!equalsIgnoreCase(bytes, from, to, 'connection')) break;
          if (listHas(bytes, valueStart, valueEnd, 'close')) close = true;
          if (listHas(bytes, valueStart, valueEnd, 'keep-alive')) keepAlive = true;
          if (listHas(bytes, valueStart, valueEnd, 'upgrade')) upgradeNamed = true;
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
      this.hostStart = 0;
      this.hostEnd = 0;
    } else {
      this.hostStart = table[host + 2]!;
      this.hostEnd = table[host + 3]!;
    }
    // RFC 9110 section 10.1.1: an expectation in an HTTP/1.0 request is ignored.
    if (!modern) this.expect = EXPECT_NONE;
    this.keepAlive = !close && (modern || keepAlive);
    this.wantsUpgrade = modern && upgrade && upgradeNamed;
    if (bytes[this.targetStart] === SLASH && this.methodCode !== METHOD_CONNECT) {
      this.pathStart = this.targetStart;
      return 0;
    }
    return this.#targetForm(bytes);
  }

  /** RFC 9112 section 3.2.2 to 3.2.4: a target that is not in origin-form. */
  #targetForm(bytes: Uint8Array): number {
    const start = this.targetStart;
    const end = this.targetEnd;
    this.pathStart = end;
    if (this.methodCode === METHOD_CONNECT) {
      if (!isHost(bytes, start, end, true)) return FAULT_TARGET_FORM;
      this.hostStart = start;
      this.hostEnd = end;
      return 0;
    }
    if (bytes[start] === 0x2a && end - start === 1) {
      this.pathStart = start;
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
    this.hostStart = host;
    this.hostEnd = p;
    this.pathStart = p;
    return 0;
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

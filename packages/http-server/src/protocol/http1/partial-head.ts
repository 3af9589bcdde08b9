import {
  FAULT_BARE_CR,
  FAULT_EMPTY_LINES,
  FAULT_HEAD_LENGTH,
  FAULT_TARGET_LENGTH,
} from './faults.js';
import type { HeadLimits, HeadParser } from './head-parser.js';

const LF = 0x0a;

/** RFC 9112 section 2.2 asks to ignore "at least one" empty line before a request; old clients send one after a body. */
const EMPTY_LINES_MAX = 2;
/** The longest request line is the longest target and this: a method of 32 bytes and `HTTP/1.1`, with room to spare. */
const LINE_SPARE_BYTES = 64;

/**
 * How far a head that did not arrive whole was looked at, so that no byte is looked at again before its line is complete. Made when the first bytes of
 * a head are there, dropped with its last: idle connections have none.
 */
export class PartialHead {
  /** When its first byte came. */
  readonly since: number;
  /** Where the first incomplete line begins, from the start of the head. */
  #line = 0;
  /** How many bytes were looked at. */
  #scanned = 0;
  #emptyLines = 0;

  constructor(since: number) {
    this.since = since;
  }

  /** Bytes of the head itself were looked at: empty lines before it are over. */
  get begun(): boolean {
    return this.#scanned > 0;
  }

  /** `head` found `bytes[start, end)` incomplete. */
  stopped(head: HeadParser, start: number, end: number): void {
    this.#line = head.line - start;
    this.#scanned = end - start;
  }

  /** Looks for the end of the line the last look stopped in; parses on only when it is there. Answers as {@link HeadParser.parse}. */
  resume(
    head: HeadParser,
    limits: HeadLimits,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    let p = start + this.#scanned;
    while (p < end && bytes[p] !== LF) p++;
    if (p < end) return head.resume(bytes, start, start + this.#line, end);
    const length = end - start;
    head.line = start + this.#line;
    if (this.#line === 0 && length > limits.maxTargetBytes + LINE_SPARE_BYTES) {
      return FAULT_TARGET_LENGTH;
    }
    return length > limits.maxHeaderBytes ? FAULT_HEAD_LENGTH : 0;
  }

  /**
   * A CR where a head should begin.
   *
   * @param next what follows it, undefined when that is not known yet
   * @returns how many bytes were taken, or a fault
   */
  emptyLine(next: number | undefined): number {
    if (next === undefined) return 0;
    if (next !== LF) return FAULT_BARE_CR;
    this.#emptyLines++;
    return this.#emptyLines > EMPTY_LINES_MAX ? FAULT_EMPTY_LINES : 2;
  }
}

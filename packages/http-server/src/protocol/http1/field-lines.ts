import { CLASSES, TOKEN, VALUE } from './character-classes.js';
import {
  FAULT_BARE_CR,
  FAULT_BARE_LF,
  FAULT_FIELD_COUNT,
  FAULT_FIELD_NAME,
  FAULT_FIELD_VALUE,
  FAULT_FOLD,
  FAULT_SPACE_BEFORE_COLON,
} from './faults.js';

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HTAB = 0x09;
const COLON = 0x3a;

/**
 * A field section (RFC 9112 section 5) as offsets into the bytes it was parsed from: the fields of a head, or trailers.
 *
 * `parse` makes one pass and allocates nothing. The table is reused: it describes the last section parsed.
 */
export class FieldLines {
  /** Name start, name end, value start, value end; four entries per line. */
  readonly table: Int32Array | number[];
  /** How many lines `table` describes. */
  count = 0;
  /** After `parse` answered 0: where the first incomplete line begins. */
  line = 0;

  /** @param table its memory, for `max` lines */
  constructor(max: number, table: Int32Array | number[] = new Int32Array(max * 4)) {
    this.table = table;
  }

  /** The same lines of bytes that lie `by` further on. Its table is an array, which is cheaper to make. */
  copy(by: number): FieldLines {
    const from = this.table;
    const length = this.count * 4;
    const to = new Array<number>(length);
    for (let i = 0; i < length; i++) to[i] = from[i]! + by;
    const copy = new FieldLines(this.count, to);
    copy.count = this.count;
    return copy;
  }

  /**
   * Parses lines up to and including the empty line that ends the section.
   *
   * @param start where a line begins
   * @returns the offset after the section, 0 when it is incomplete, or a fault
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    const classes = CLASSES;
    const table = this.table;
    const full = table.length;
    const lastFour = end - 3;
    let entry = 0;
    let p = start;
    for (;;) {
      const nameStart = p;
      while (p < end && (classes[bytes[p]!]! & TOKEN) !== 0) p++;
      if (p === end) break;
      if (bytes[p] !== COLON || p === nameStart) {
        if (bytes[p] === CR && p === nameStart) {
          if (p + 1 === end) break;
          if (bytes[p + 1] !== LF) return FAULT_BARE_CR;
          this.count = entry >> 2;
          return p + 2;
        }
        return nameFault(bytes[p]!, p === nameStart);
      }
      const nameEnd = p;
      p++;
      while (p < end && (bytes[p] === SP || bytes[p] === HTAB)) p++;
      const valueStart = p;
      // Four bytes a turn: values are most of a head, and this halves what they cost.
      while (
        p < lastFour &&
        (classes[bytes[p]!]! &
          classes[bytes[p + 1]!]! &
          classes[bytes[p + 2]!]! &
          classes[bytes[p + 3]!]! &
          VALUE) !==
          0
      ) {
        p += 4;
      }
      while (p < end && (classes[bytes[p]!]! & VALUE) !== 0) p++;
      if (p + 1 >= end) {
        if (p < end && bytes[p] !== CR) return valueFault(bytes[p]!);
        p = nameStart;
        break;
      }
      if (bytes[p] !== CR) return valueFault(bytes[p]!);
      if (bytes[p + 1] !== LF) return FAULT_BARE_CR;
      if (entry === full) return FAULT_FIELD_COUNT;
      let valueEnd = p;
      while (
        valueEnd > valueStart &&
        (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)
      ) {
        valueEnd--;
      }
      table[entry] = nameStart;
      table[entry + 1] = nameEnd;
      table[entry + 2] = valueStart;
      table[entry + 3] = valueEnd;
      entry += 4;
      p += 2;
    }
    this.count = entry >> 2;
    this.line = entry === 0 ? start : afterLine(bytes, table[entry - 1]!);
    return 0;
  }
}

/** The offset after the CRLF of the line whose value ends at `p`: past optional whitespace. */
function afterLine(bytes: Uint8Array, p: number): number {
  let q = p;
  while (bytes[q] !== LF) q++;
  return q + 1;
}

function nameFault(byte: number, first: boolean): number {
  if (byte === LF) return FAULT_BARE_LF;
  if (byte === SP || byte === HTAB) return first ? FAULT_FOLD : FAULT_SPACE_BEFORE_COLON;
  return FAULT_FIELD_NAME;
}

function valueFault(byte: number): number {
  return byte === LF ? FAULT_BARE_LF : FAULT_FIELD_VALUE;
}

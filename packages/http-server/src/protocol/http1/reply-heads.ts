import { type ContentKind, contentType, KIND_NONE } from '../../exchange/content-kind.js';
import { isBodyless, reasonPhrase } from './status.js';

/** A status line, Date and Content-Type as bytes, with the date it holds and where. */
class Template {
  readonly bytes: Uint8Array;
  readonly dateOffset: number;
  date: Uint8Array;

  constructor(bytes: Uint8Array, dateOffset: number, date: Uint8Array) {
    this.bytes = bytes;
    this.dateOffset = dateOffset;
    this.date = date;
  }
}

/**
 * The first bytes of a reply, ready to copy: `HTTP/1.1 200 OK`, `Date`, and for a kind of content `Content-Type`, up to and including
 * `Content-Length: `. Built once per status and kind; the 29 bytes of the date are replaced when the clock's array is a new one.
 */
export class ReplyHeads {
  /** By status, then kind; a row is made when its status is first sent. */
  readonly #rows: Template[][] = [];
  /** The row of 200. */
  readonly #ok: Template[] = [];

  /**
   * Up to and including `Content-Length: `, or, for a status without content, up to the last field line. Valid until the next call; the
   * caller copies it at once.
   */
  get(status: number, kind: ContentKind, date: Uint8Array): Uint8Array {
    const template = (status === 200 ? this.#ok : this.#rows[status])?.[kind];
    if (template !== undefined && template.date === date) return template.bytes;
    return this.#refresh(status, kind, date);
  }

  /** Status line and Date alone. Valid as {@link get}. */
  bare(status: number, date: Uint8Array): Uint8Array {
    const bytes = this.get(status, KIND_NONE, date);
    return isBodyless(status) ? bytes : bytes.subarray(0, bytes.length - CONTENT_LENGTH.length);
  }

  #refresh(status: number, kind: ContentKind, date: Uint8Array): Uint8Array {
    let row = status === 200 ? this.#ok : this.#rows[status];
    if (row === undefined) {
      row = [];
      this.#rows[status] = row;
    }
    let template = row[kind];
    if (template === undefined) {
      template = build(status, kind, date);
      row[kind] = template;
    } else {
      template.bytes.set(date, template.dateOffset);
      template.date = date;
    }
    return template.bytes;
  }
}

const CONTENT_LENGTH = 'Content-Length: ';

function build(status: number, kind: ContentKind, date: Uint8Array): Template {
  const line = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\nDate: `;
  const type = kind === KIND_NONE ? '' : `Content-Type: ${contentType(kind)}\r\n`;
  const rest = isBodyless(status) ? '\r\n' : `\r\n${type}${CONTENT_LENGTH}`;
  const bytes = new Uint8Array(line.length + date.length + rest.length);
  writeLatin1(bytes, 0, line);
  bytes.set(date, line.length);
  writeLatin1(bytes, line.length + date.length, rest);
  return new Template(bytes, line.length, date);
}

/** Writes the low byte of every character; returns the offset after the last. */
export function writeLatin1(out: Uint8Array, start: number, text: string): number {
  const length = text.length;
  for (let i = 0; i < length; i++) out[start + i] = text.charCodeAt(i);
  return start + length;
}

/** Writes a number >= 0 in decimal; returns the offset after the last digit. */
export function writeDecimal(out: Uint8Array, start: number, value: number): number {
  if (value < 10) {
    out[start] = 0x30 + value;
    return start + 1;
  }
  if (value < 100) {
    const tens = (value / 10) | 0;
    out[start] = 0x30 + tens;
    out[start + 1] = 0x30 + value - tens * 10;
    return start + 2;
  }
  if (value > 0x7fffffff) return writeLatin1(out, start, String(value));
  let digits = 3;
  for (let limit = 1000; limit <= value; limit *= 10) digits++;
  let rest = value;
  for (let p = start + digits - 1; p >= start; p--) {
    const quotient = (rest / 10) | 0;
    out[p] = 0x30 + rest - quotient * 10;
    rest = quotient;
  }
  return start + digits;
}

/** Writes a number >= 0 in hexadecimal; returns the offset after the last digit. */
export function writeHex(out: Uint8Array, start: number, value: number): number {
  return writeLatin1(out, start, value.toString(16));
}

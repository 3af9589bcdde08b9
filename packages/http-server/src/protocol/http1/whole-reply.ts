import { type ContentKind, KIND_TEXT } from '../../exchange/content-kind.js';
import { HttpServerError } from '../../exchange/errors.js';
import type { ReplyFields } from '../../exchange/reply-fields.js';
import { type Left, RESERVE_BYTES_MAX } from '../../sans-io/left.js';
import { faultStatus, faultText } from './faults.js';
import { CONNECTION_CLOSE, headBytesMax, LENGTH_NONE, writeHead } from './head-writer.js';
import { type ReplyHeads, writeDecimal, writeLatin1 } from './reply-heads.js';
import { isBodyless } from './status.js';

const CR = 0x0d;
const LF = 0x0a;

/** A string up to this long is copied character by character: cheaper than a call into C++. */
const SHORT_STRING = 64;
/** `Content-Length` digits, empty lines and some room. */
const SHORT_HEAD_SPARE = 32;

const { utf8Write } = Buffer.prototype as unknown as {
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number;
};

/**
 * The hot path: `200 OK` with a short ASCII body and no fields, on a connection that stays open.
 *
 * @returns false when `body` is not that; nothing was written then
 */
export function writeShortText(
  left: Left,
  heads: ReplyHeads,
  kind: ContentKind,
  body: string,
): boolean {
  const length = body.length;
  if (length > SHORT_STRING) return false;
  const template = heads.get(200, kind, left.clock.date);
  let p = left.reserve(template.length + SHORT_HEAD_SPARE + length);
  const { out } = left;
  out.set(template, p);
  p = writeDecimal(out, p + template.length, length);
  out[p] = CR;
  out[p + 1] = LF;
  out[p + 2] = CR;
  out[p + 3] = LF;
  p += 4;
  for (let i = 0; i < length; i++) {
    const code = body.charCodeAt(i);
    if (code > 0x7f) return false;
    out[p + i] = code;
  }
  left.commit(p + length);
  return true;
}

/** A character more than this many bytes before the end of its room is written whole: the longest in UTF-8. */
const CHARACTER_BYTES_MAX = 4;

/**
 * Writes head and text in one piece, taking the text for ASCII: nearly all of it is, and counting its bytes first would cost more than writing it.
 *
 * @returns false when it is not, or when both do not fit into a reservation; nothing was written then
 */
export function writeText(
  left: Left,
  heads: ReplyHeads,
  status: number,
  fields: ReplyFields | null,
  kind: ContentKind,
  body: string,
  connection: number,
): boolean {
  const { length } = body;
  const room = length + CHARACTER_BYTES_MAX;
  const max = headBytesMax(fields, kind) + room;
  if (max > RESERVE_BYTES_MAX) return false;
  let p = left.reserve(max);
  const { out } = left;
  p = writeHead(out, p, heads, left.clock.date, status, fields, kind, length, connection);
  // As many bytes as characters, and room for another one: that was all, and each was one byte.
  if (utf8Write.call(out, body, p, room) !== length) return false;
  left.commit(p + length);
  return true;
}

/**
 * The `Content-Length` of a reply whose body of `size` bytes is at hand, {@link LENGTH_NONE} for a status that has none.
 *
 * @param declared what the handler set, or -1; it may describe another body only where none is sent: HEAD and 304
 * @throws HttpServerError `LENGTH_MISMATCH`
 */
export function wholeLength(
  status: number,
  declared: number,
  size: number,
  isHead: boolean,
): number {
  const noContent = hasNoContent(status);
  const length = noContent ? (status === 205 ? 0 : LENGTH_NONE) : size;
  if (declared < 0 || declared === length) return length;
  if (size === 0 && (isHead || status === 304)) return declared;
  if (noContent) return length;
  throw new HttpServerError(
    'LENGTH_MISMATCH',
    `Content-Length is ${declared} and the body has ${size} bytes`,
  );
}

/** Writes head and body; in one piece when both fit into a reservation. */
export function writeWhole(
  left: Left,
  heads: ReplyHeads,
  status: number,
  fields: ReplyFields | null,
  kind: ContentKind,
  body: string | Uint8Array,
  size: number,
  length: number,
  isHead: boolean,
  connection: number,
): void {
  const text = typeof body === 'string';
  const bytes = isHead || hasNoContent(status) ? 0 : size;
  const max = headBytesMax(fields, kind);
  const together = max + bytes <= RESERVE_BYTES_MAX;
  const { date } = left.clock;
  if (max > RESERVE_BYTES_MAX) {
    const out = new Uint8Array(max);
    const end = writeHead(out, 0, heads, date, status, fields, kind, length, connection);
    left.write(out, 0, end);
  } else {
    let p = left.reserve(together ? max + bytes : max);
    const { out } = left;
    p = writeHead(out, p, heads, date, status, fields, kind, length, connection);
    if (together && bytes > 0) {
      if (!text) out.set(body, p);
      else if (bytes <= SHORT_STRING && bytes === body.length) writeLatin1(out, p, body);
      else utf8Write.call(out, body, p, bytes);
      p += bytes;
    }
    left.commit(p);
  }
  if (bytes > 0 && !together) left.send(text ? Buffer.from(body, 'utf8') : body);
}

/** Answers a fault with its status and the sentence that says what was wrong. The connection must be ended after it. */
export function writeRefusal(left: Left, heads: ReplyHeads, fault: number, isHead: boolean): void {
  const body = `${faultText(fault)}\n`;
  const size = body.length;
  const status = faultStatus(fault);
  writeWhole(left, heads, status, null, KIND_TEXT, body, size, size, isHead, CONNECTION_CLOSE);
}

/** Nothing follows the head of such a reply. */
export function hasNoContent(status: number): boolean {
  return isBodyless(status) || status === 205;
}

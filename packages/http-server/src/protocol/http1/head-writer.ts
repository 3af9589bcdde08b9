import { type ContentKind, contentType, KIND_NONE } from '../../exchange/content-kind.js';
import type { ReplyFields } from '../../exchange/reply-fields.js';
import { type ReplyHeads, writeDecimal, writeLatin1 } from './reply-heads.js';
import { isBodyless, reasonPhrase } from './status.js';

/** No Connection field: HTTP/1.1 stays open. */
export const CONNECTION_DEFAULT = 0;
export const CONNECTION_CLOSE = 1;
/** For HTTP/1.0 peers that asked to stay. */
export const CONNECTION_KEEP_ALIVE = 2;

/** No framing field: content-less or close-delimited. */
export const LENGTH_NONE = -1;
export const LENGTH_CHUNKED = -2;

/** Status line, Date, Content-Type, Content-Length and Connection at their longest. */
const OWN_BYTES_MAX = 256;

const CONNECTIONS = ['', 'Connection: close\r\n', 'Connection: keep-alive\r\n'] as const;

/** An upper bound for what {@link writeHead} writes, in bytes. */
export function headBytesMax(fields: ReplyFields | null, kind: ContentKind): number {
  let bytes = OWN_BYTES_MAX + contentType(kind).length;
  if (fields !== null) {
    for (let i = 0; i < fields.size; i++) {
      bytes += fields.name(i).length + fields.value(i).length + 4;
    }
  }
  return bytes;
}

/**
 * Writes a final response head (RFC 9112 section 4): status line, Date, the caller's fields, Content-Type, framing, Connection, empty line.
 *
 * @param length the value of Content-Length, {@link LENGTH_NONE} or {@link LENGTH_CHUNKED}
 * @param connection CONNECTION_*
 * @returns the offset after the head
 */
export function writeHead(
  out: Uint8Array,
  start: number,
  heads: ReplyHeads,
  date: Uint8Array,
  status: number,
  fields: ReplyFields | null,
  kind: ContentKind,
  length: number,
  connection: number,
): number {
  let p = start;
  const ownDate = fields?.has('date') ?? false;
  const ownType = fields?.has('content-type') ?? false;
  if ((fields === null || fields.size === 0) && length >= 0 && !isBodyless(status)) {
    const template = heads.get(status, kind, date);
    out.set(template, p);
    p = writeDecimal(out, p + template.length, length);
    out[p] = 0x0d;
    out[p + 1] = 0x0a;
    p += 2;
  } else {
    if (ownDate) p = writeStatusLine(out, p, status);
    else {
      const template = heads.bare(status, date);
      out.set(template, p);
      p += template.length;
    }
    if (fields !== null) p = writeFields(out, p, fields);
    if (kind !== KIND_NONE && !ownType && !isBodyless(status)) {
      p = writeLatin1(out, p, 'Content-Type: ');
      p = writeLatin1(out, p, contentType(kind));
      p = writeLatin1(out, p, '\r\n');
    }
    if (length >= 0) {
      p = writeLatin1(out, p, 'Content-Length: ');
      p = writeDecimal(out, p, length);
      p = writeLatin1(out, p, '\r\n');
    } else if (length === LENGTH_CHUNKED) {
      p = writeLatin1(out, p, 'Transfer-Encoding: chunked\r\n');
    }
  }
  p = writeLatin1(out, p, CONNECTIONS[connection]!);
  out[p] = 0x0d;
  out[p + 1] = 0x0a;
  return p + 2;
}

/** Writes `HTTP/1.1 status reason CRLF`. */
export function writeStatusLine(out: Uint8Array, start: number, status: number): number {
  return writeLatin1(out, start, `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`);
}

/** Writes field lines without the empty line. */
export function writeFields(out: Uint8Array, start: number, fields: ReplyFields): number {
  let p = start;
  for (let i = 0; i < fields.size; i++) {
    p = writeLatin1(out, p, fields.name(i));
    out[p] = 0x3a;
    out[p + 1] = 0x20;
    p = writeLatin1(out, p + 2, fields.value(i));
    out[p] = 0x0d;
    out[p + 1] = 0x0a;
    p += 2;
  }
  return p;
}

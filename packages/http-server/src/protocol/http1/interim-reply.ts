import { KIND_NONE } from '../../exchange/content-kind.js';
import type { ReplyFields } from '../../exchange/reply-fields.js';
import type { Left } from '../../sans-io/left.js';
import { headBytesMax, writeFields, writeStatusLine } from './head-writer.js';
import { writeLatin1 } from './reply-heads.js';
import { writeAscii, writeReserved } from './reserved.js';

/** Tells a peer that waits with its body to send it (RFC 9110 section 10.1.1). */
export function writeContinue(left: Left): void {
  writeAscii(left, 'HTTP/1.1 100 Continue\r\n\r\n');
}

/** Writes a 1xx head (RFC 9110 section 15.2). */
export function writeInterim(left: Left, status: number, fields: ReplyFields | null): void {
  write(left, status, fields, '');
}

/** Writes `101 Switching Protocols` (RFC 9110 section 7.8). */
export function writeUpgrade(left: Left, protocol: string, fields: ReplyFields | null): void {
  write(left, 101, fields, `Upgrade: ${protocol}\r\nConnection: Upgrade\r\n`);
}

function write(left: Left, status: number, fields: ReplyFields | null, own: string): void {
  writeReserved(left, headBytesMax(fields, KIND_NONE) + own.length, (out, start) => {
    let p = writeStatusLine(out, start, status);
    p = writeLatin1(out, p, own);
    if (fields !== null) p = writeFields(out, p, fields);
    return writeLatin1(out, p, '\r\n');
  });
}

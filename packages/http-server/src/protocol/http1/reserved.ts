import { type Left, RESERVE_BYTES_MAX } from '../../sans-io/left.js';
import { writeLatin1 } from './reply-heads.js';

/** Writes at most `max` bytes into transmit memory, or into memory of their own when that is more than one reservation holds. */
export function writeReserved(
  left: Left,
  max: number,
  write: (out: Uint8Array, start: number) => number,
): void {
  if (max <= RESERVE_BYTES_MAX) {
    const p = left.reserve(max);
    left.commit(write(left.out, p));
    return;
  }
  const out = new Uint8Array(max);
  left.write(out, 0, write(out, 0));
}

/** Writes a short ASCII text. */
export function writeAscii(left: Left, text: string): void {
  const p = left.reserve(text.length);
  left.commit(writeLatin1(left.out, p, text));
}

import { latin1 } from './latin1.js';

/** Longer values are not remembered. */
const REMEMBERED_BYTES_MAX = 255;

/**
 * Decodes values of which the next is likely to be the last one again, as the Host of a server's requests is: comparing some bytes costs a tenth of
 * making a string.
 */
export class LastText {
  readonly #bytes = new Uint8Array(REMEMBERED_BYTES_MAX);
  #length = -1;
  #text = '';

  /** The bytes as a string, one character per byte. */
  of(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start;
    const last = this.#bytes;
    if (length === this.#length) {
      let at = 0;
      while (at < length && last[at] === bytes[start + at]) at++;
      if (at === length) return this.#text;
    }
    const text = latin1(bytes, start, end);
    if (length <= REMEMBERED_BYTES_MAX) {
      last.set(bytes.subarray(start, end));
      this.#length = length;
      this.#text = text;
    }
    return text;
  }
}

import type { Clock } from '../../sans-io/clock.js';

/** A clock that stands still until told otherwise. */
export class MemoryClock implements Clock {
  #now = 0;
  #date: Uint8Array;
  readonly #epoch: number;

  /** @param epoch the date at `now` 0, in milliseconds since 1970; by default the example of RFC 9110 section 5.6.7 */
  constructor(epoch: number = Date.UTC(1994, 10, 6, 8, 49, 37)) {
    this.#epoch = epoch;
    this.#date = imfFixdate(epoch);
  }

  get now(): number {
    return this.#now;
  }

  get date(): Uint8Array {
    return this.#date;
  }

  /** Sets the time; a new second makes a new date. */
  set(now: number): void {
    const second = Math.floor((this.#epoch + now) / 1000);
    if (second !== Math.floor((this.#epoch + this.#now) / 1000)) {
      this.#date = imfFixdate(this.#epoch + now);
    }
    this.#now = now;
  }
}

/** IMF-fixdate (RFC 9110 section 5.6.7) as 29 bytes. */
function imfFixdate(time: number): Uint8Array {
  return Buffer.from(new Date(time).toUTCString(), 'latin1');
}

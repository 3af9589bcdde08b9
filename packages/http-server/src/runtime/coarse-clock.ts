import type { Clock } from '../sans-io/clock.js';

/**
 * The time of one runtime: read from the system once per batch of events, not once per request.
 */
export class CoarseClock implements Clock {
  now = 0;
  date: Uint8Array;
  readonly #origin: number;
  #second: number;

  constructor() {
    const wall = Date.now();
    this.#origin = performance.now();
    this.#second = Math.floor(wall / 1000);
    this.date = imfFixdate(this.#second);
  }

  /** Reads the clocks. The wall clock only tells the date: deadlines follow the monotonic one. */
  update(): void {
    this.now = Math.floor(performance.now() - this.#origin);
    const second = Math.floor(Date.now() / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.date = imfFixdate(second);
  }
}

/** `Sun, 06 Nov 1994 08:49:37 GMT`: RFC 9110 section 5.6.7. */
function imfFixdate(second: number): Uint8Array {
  return Buffer.from(new Date(second * 1000).toUTCString(), 'latin1');
}

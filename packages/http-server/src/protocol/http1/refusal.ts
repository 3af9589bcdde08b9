import type { Blueprint } from '../../sans-io/blueprint.js';
import type { Left } from '../../sans-io/left.js';
import type { Orbit } from '../../sans-io/orbit.js';

/** After how long a refused client is to try again: the time in which most connections of a busy server come and go. In seconds. */
const RETRY_AFTER_SECONDS = 1;
/** Longest wait for the first byte of a request that is refused: whoever connected in advance is not told, but closed. In milliseconds. */
const FIRST_BYTE_MS = 1000;

// Without a body: it may answer a HEAD.
const BEFORE_DATE = latin1('HTTP/1.1 503 Service Unavailable\r\nDate: ');
const AFTER_DATE = latin1(
  `\r\nRetry-After: ${RETRY_AFTER_SECONDS}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
);

/**
 * What a connection gets that is one too many: 503 with `Retry-After` and `Connection: close` (RFC 9110 section 15.6.4), as soon as its client has begun
 * to ask. Nothing is parsed and no handler runs.
 *
 * @example
 * ```ts
 * import { MemoryRuntime, refusal } from '@ringbearer/http-server';
 *
 * const peer = new MemoryRuntime(refusal()).connect();
 * console.log(peer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').run().received);
 * ```
 */
export function refusal(): Blueprint {
  return { name: 'http/1.1 503', instantiate: (left) => new Refusal(left) };
}

class Refusal implements Orbit {
  readonly #left: Left;
  #over = false;

  constructor(left: Left) {
    this.#left = left;
    left.deadline = left.clock.now + FIRST_BYTE_MS;
  }

  receive(_bytes: Uint8Array, start: number, end: number): number {
    if (!this.#over) {
      const left = this.#left;
      left.write(BEFORE_DATE, 0, BEFORE_DATE.length);
      left.write(left.clock.date, 0, left.clock.date.length);
      left.write(AFTER_DATE, 0, AFTER_DATE.length);
      this.#end();
    }
    return end - start;
  }
  receiveEnd(): void {
    this.#end();
  }
  drained(): void {}
  tick(): void {
    this.#end();
  }
  shutdown(): void {
    this.#end();
  }
  close(): void {
    this.#over = true;
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#left.deadline = 0;
    this.#left.end();
  }
}

function latin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** A peer that goes on sending is listened to for at most this many linger timeouts. */
const TIMES_MAX = 10;

/**
 * What a peer must send to be listened to for another linger timeout, in bytes. One that has to write all of its body before it reads sends far more in that
 * time on any line; a byte now and then would keep its connection tenfold, and that of a slow peer was just taken away.
 */
const BYTES_MIN = 4096;

/**
 * How long the end of a connection waits for the peer's FIN. Closing while the peer still sends makes the kernel reset the connection, and the peer may lose
 * the reply it has not read: so what arrives is thrown away for a while, longer as long as enough does.
 */
export class Linger {
  readonly #end: number;
  #deadline: number;
  #bytes = 0;

  constructor(now: number, timeoutMs: number) {
    this.#end = now + timeoutMs * TIMES_MAX;
    this.#deadline = now + timeoutMs;
  }

  /** @param timeoutMs as it is now: shorter when the server closes */
  received(bytes: number, now: number, timeoutMs: number): void {
    this.#bytes += bytes;
    if (this.#bytes < BYTES_MIN) return;
    this.#bytes = 0;
    this.#deadline = Math.min(now + timeoutMs, this.#end);
  }

  isOver(now: number): boolean {
    return now >= this.#deadline;
  }
}

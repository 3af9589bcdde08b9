/** A tick that comes later than this says that the thread stood still. */
const LATE_MS = 100;

/**
 * Tells a tick that comes while all is well from the first one after the thread stood still: busy in a handler, stopped, or without a processor. What
 * peers sent meanwhile may be completed behind that tick, or not even be in the queue (since kernel 6.10 one `io_uring_enter` runs 20 pieces
 * of task work): they would be late for the server's own slowness. So that tick looks at no deadline, and the next one does, however late it is.
 */
export class TickGuard {
  readonly #periodMs: number;
  #due = 0;
  #passed = false;

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  /** The timer was set. */
  set(now: number): void {
    this.#due = now + this.#periodMs;
  }

  /** It fired: true when this tick is to pass without a look. */
  passes(now: number): boolean {
    this.#passed = !this.#passed && now - this.#due > LATE_MS;
    return this.#passed;
  }
}

import type { Listener } from '@ringbearer/io-uring-bearer';
import { AcceptMulti, type Cqe } from '@ringbearer/io-uring-opcode';
import type { IoUringRuntime } from './runtime.js';

const ECANCELED = -125;

/**
 * Accepts from one listener into direct descriptors with one multishot operation. Full, or out of descriptors (ENFILE, EMFILE), it
 * stops, and goes on when a connection closed or the coarse timer comes round: it never spins.
 */
export class Acceptor {
  readonly #runtime: IoUringRuntime;
  readonly #listener: Listener;
  readonly #accept: AcceptMulti;
  #paused = false;
  #closing = false;

  constructor(runtime: IoUringRuntime, listener: Listener) {
    this.#runtime = runtime;
    this.#listener = listener;
    this.#accept = new AcceptMulti({ listener: listener.descriptor, direct: true });
    this.#accept.handler = (cqe) => this.#onAccept(cqe);
  }

  /** Not accepting, for want of room. */
  get paused(): boolean {
    return this.#paused;
  }

  start(): void {
    this.#paused = false;
    this.#runtime.push(this.#accept);
  }

  /** A connection closed, or time has passed. */
  roomAgain(): void {
    if (this.#paused && !this.#closing && !this.#accept.inFlight && !this.#runtime.full)
      this.start();
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#listener.close();
  }

  #onAccept(cqe: Cqe): void {
    const { res, more } = cqe;
    if (res >= 0) {
      this.#runtime.accepted(res);
      if (this.#runtime.full && !this.#paused && !this.#closing) {
        this.#paused = true;
        if (more) this.#runtime.cancel(this.#accept);
      }
    } else if (res !== ECANCELED) {
      // EMFILE, ENFILE, ENOMEM: nothing to accept into. ECONNABORTED and its kin: the next attempt may do better.
      this.#paused = true;
    }
    if (more || this.#closing) return;
    if (!this.#paused) this.start();
    // Cancelled for being full: room may have come back meanwhile. After an error the timer decides when to try again.
    else if (res >= 0 || res === ECANCELED) this.roomAgain();
    this.#runtime.watch();
  }
}

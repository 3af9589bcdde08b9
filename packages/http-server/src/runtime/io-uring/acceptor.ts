import type { Listener } from '@ringbearer/io-uring-bearer';
import { TargetFd } from '@ringbearer/io-uring-fd';
import { Accept, AcceptMulti, type Cqe, Errno } from '@ringbearer/io-uring-opcode';
import type { IoUringRuntime } from './runtime.js';

const ECANCELED = -Errno.ECANCELED;
/** Single accepts in flight near the limit: those of all listeners together stay within the slack of the descriptor table. */
const SINGLES = 8;

/**
 * Accepts from one listener into direct descriptors, with one multishot operation while the descriptor table has room for all that may
 * be queued: the kernel takes the whole queue in one go, and a connection that finds the table full (ENFILE) is lost, not left in the
 * queue. Nearer to the limit it accepts one by one, and full it stops; it goes on when a connection closed or the coarse timer comes
 * round, and never spins.
 */
export class Acceptor {
  readonly #runtime: IoUringRuntime;
  readonly #listener: Listener;
  readonly #queueMax: number;
  readonly #multi: AcceptMulti;
  readonly #all: Accept[] = [];
  readonly #idle: Accept[] = [];
  #singles = 0;
  #stopping = false;
  #paused = false;
  #closing = false;

  /** @param queueMax connections that may wait to be accepted: the listener's backlog */
  constructor(runtime: IoUringRuntime, listener: Listener, queueMax: number) {
    this.#runtime = runtime;
    this.#listener = listener;
    this.#queueMax = queueMax;
    this.#multi = new AcceptMulti({ listener: listener.descriptor, direct: true });
    this.#multi.handler = (cqe) => this.#onMulti(cqe);
    for (let index = 0; index < SINGLES; index++) {
      const single = new Accept({
        listener: listener.descriptor,
        into: TargetFd.auto,
        peer: false,
      });
      single.handler = (cqe) => this.#onSingle(single, cqe);
      this.#all.push(single);
      this.#idle.push(single);
    }
  }

  /** Not accepting, for want of room. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Accepts as many as there is room for. */
  start(): void {
    const { room } = this.#runtime;
    this.#pause(room <= 0);
    if (this.#multi.inFlight) return;
    if (this.#ample) this.#runtime.push(this.#multi);
    else {
      while (this.#singles < Math.min(SINGLES, room)) {
        this.#singles++;
        this.#runtime.push(this.#idle.pop()!);
      }
    }
  }

  /** A connection closed, or time has passed. */
  roomAgain(): void {
    if (this.#paused && !this.#closing) this.start();
  }

  /**
   * Looks into the queue now. A connection wakes one of those that wait for it (EPOLLEXCLUSIVE): where another ring accepted from the same
   * socket and stopped, it may have been woken last, and left the connection there.
   */
  again(): void {
    if (this.#closing) return;
    // Each starts anew once it has ended.
    if (this.#multi.inFlight) {
      this.#stopping = true;
      this.#runtime.cancel(this.#multi);
    }
    for (const single of this.#all) if (single.inFlight) this.#runtime.cancel(single);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#listener.close();
  }

  #pause(paused: boolean): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.#runtime.acceptPaused(paused);
  }

  get #ample(): boolean {
    return this.#runtime.roomWithSlack > this.#queueMax;
  }

  #onMulti(cqe: Cqe): void {
    const { res, more } = cqe;
    if (res >= 0) this.#runtime.accepted(res);
    if (more) {
      if (this.#ample || this.#stopping || this.#closing) return;
      this.#stopping = true;
      this.#runtime.cancel(this.#multi);
      return;
    }
    this.#stopping = false;
    this.#goOn(res);
  }

  #onSingle(single: Accept, cqe: Cqe): void {
    const { res } = cqe;
    this.#singles--;
    this.#idle.push(single);
    if (res >= 0) this.#runtime.accepted(res);
    this.#goOn(res);
  }

  #goOn(res: number): void {
    if (this.#closing) return;
    // ENFILE, ENOMEM: nothing to accept into, so the timer decides. ECONNABORTED and its kin: the next attempt may do better.
    if (res >= 0 || res === ECANCELED) this.start();
    else this.#pause(true);
    this.#runtime.watch();
  }
}

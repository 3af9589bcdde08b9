import { AsyncCancel, Errno, type OpCode, type OperationKey } from '@ringbearer/io-uring-opcode';
import type { RawRing } from '@ringbearer/native/ring';
import type { RingQueues } from './ring/ring-queues.js';

/** While closing, what started only after the last cancellation (a drained operation) is cancelled after so long. */
const CANCEL_AGAIN_MS = 10;

/** What a {@link Cancellation} needs of its engine. */
export interface CancellationHost {
  /** Something is in flight, or waits to be submitted. */
  unfinished(): boolean;
  /** A submission that holds up all behind it is in flight, or entries of the bearer's own are not allowed. */
  draining(): boolean;
  /** An unfinished chain waits at the end of the queue. */
  chainOpen(): boolean;
  /** Queues an operation of the bearer's own; false when there is no room. */
  submitInternal(operation: OpCode<unknown>): boolean;
  /** Handles the completions there are. */
  drain(): void;
  /** Tries again what found no room before. */
  runDeferred(): void;
}

/** How an engine has the kernel cancel: one operation, or all of them for good. */
export class Cancellation {
  readonly #host: CancellationHost;
  readonly #raw: RawRing;
  readonly #queues: RingQueues;
  #closed: (() => void) | null = null;

  constructor(host: CancellationHost, raw: RawRing, queues: RingQueues) {
    this.#host = host;
    this.#raw = raw;
    this.#queues = queues;
  }

  /** Asks for one operation. False when there is no room to ask. */
  tryCancel(key: OperationKey): boolean {
    // Behind a drain an AsyncCancel would wait for what it is to cancel.
    if (this.#host.draining() && !this.#host.chainOpen()) {
      this.#queues.enter();
      return this.#raw.cancel(key.slot, key.generation) !== -Errno.ENOENT;
    }
    return this.#host.submitInternal(new AsyncCancel({ key }));
  }

  /** Cancels everything and waits for every final completion, by itself (manual driver) or with the turns of the event loop. */
  async close(byHand: boolean): Promise<void> {
    if (!this.#host.unfinished()) return;
    this.#cancelEverything();
    if (byHand) this.#closeByHand();
    else await this.#closeByTurns();
  }

  /** After each turn while closing: tells {@link close} when nothing is left. */
  settle(): void {
    if (!this.#host.unfinished()) this.#closed?.();
  }

  /** What runs and cannot be stopped ends by itself; what a drain or a link still holds back is for the next call. */
  #cancelEverything(): void {
    this.#host.runDeferred();
    this.#queues.enter();
    // EINVAL: a kernel before 6.0 cannot cancel beside the queue.
    if (this.#raw.cancel() === -Errno.EINVAL) {
      this.#host.submitInternal(new AsyncCancel({ any: true, all: true }));
    }
    this.#queues.enter();
  }

  #closeByHand(): void {
    while (this.#host.unfinished()) {
      this.#queues.enterAndWait(1, CANCEL_AGAIN_MS);
      this.#host.drain();
      if (this.#host.unfinished()) this.#cancelEverything();
    }
  }

  async #closeByTurns(): Promise<void> {
    // Keeps the process alive, too, whatever is in flight.
    const again = setInterval(() => this.#cancelEverything(), CANCEL_AGAIN_MS);
    await new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    clearInterval(again);
  }
}

import { AsyncCancel, Errno, type OpCode, type OperationKey } from '@ringbearer/io-uring-opcode';
import type { RawRing } from '@ringbearer/native/ring';
import type { DeferredWork } from './deferred-work.js';
import type { HeldQueue } from './held-queue.js';
import type { RingQueues } from './ring/ring-queues.js';

/** While closing, what started only after the last cancellation (a linked operation) is cancelled after so long. */
const CANCEL_AGAIN_MS = 10;

/** What a {@link Cancellation} needs of its engine. */
export interface CancellationHost {
  /** Something is in flight, or waits to be submitted. */
  unfinished(): boolean;
  /** Entries of the bearer's own are not allowed: cancellations go beside the queue. */
  readonly besideQueue: boolean;
  /** An unfinished chain waits at the end of the queue. */
  chainOpen(): boolean;
  /** Queues an operation of the bearer's own; false when there is no room. */
  submitInternal(operation: OpCode<unknown>): boolean;
  /** Handles the completions there are. */
  drain(): void;
  /** The key still names an operation in flight. */
  holds(key: OperationKey): boolean;
}

/** How an engine has the kernel cancel: one operation, or all of them for good. */
export class Cancellation {
  readonly #host: CancellationHost;
  readonly #raw: RawRing;
  readonly #queues: RingQueues;
  readonly #held: HeldQueue;
  readonly #deferred: DeferredWork;
  /** Generations by slot of operations that a cancellation did not find. */
  readonly #missed = new Map<number, number>();
  #closed: (() => void) | null = null;

  constructor(
    host: CancellationHost,
    raw: RawRing,
    queues: RingQueues,
    held: HeldQueue,
    deferred: DeferredWork,
  ) {
    this.#host = host;
    this.#raw = raw;
    this.#queues = queues;
    this.#held = held;
    this.#deferred = deferred;
  }

  /** Asks for one operation, or cancels it here where the kernel has not seen it. False when that is not possible now. */
  tryCancel(key: OperationKey): boolean {
    const held = this.#held.cancel(key.slot);
    if (held !== 'absent') return held === 'cancelled';
    if (this.#host.besideQueue && !this.#host.chainOpen()) {
      this.#queues.enter();
      return this.#raw.cancel(key.slot, key.generation) !== -Errno.ENOENT;
    }
    const { slot, generation } = key;
    const cancel = new AsyncCancel({ key });
    cancel.handler = ({ res }) => {
      if (res === -Errno.ENOENT) this.#miss({ slot, generation: generation >>> 0 });
    };
    return this.#host.submitInternal(cancel);
  }

  /** Something is in flight that a cancellation did not find. */
  get missing(): boolean {
    return this.#missed.size > 0;
  }

  /** An operation completed and goes on: if it was missed, it is cancelled again. */
  goesOn(slot: number, generation: number): void {
    if (this.#missed.get(slot) !== generation) return;
    this.#missed.delete(slot);
    this.#deferred.cancel({ slot, generation });
  }

  /**
   * The kernel finds no multishot timeout between two of its shots, which then goes on. Asking again at once would find nothing again where an operation has not
   * begun (linked), so it is asked when the next shot shows that it lives.
   */
  #miss(key: OperationKey): void {
    for (const [slot, generation] of this.#missed) {
      if (!this.#host.holds({ slot, generation })) this.#missed.delete(slot);
    }
    if (this.#host.holds(key)) this.#missed.set(key.slot, key.generation);
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

  /** What runs and cannot be stopped ends by itself; what a link still holds back is for the next call. */
  #cancelEverything(): void {
    this.#held.cancelAll();
    this.#deferred.run();
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

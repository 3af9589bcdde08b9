import type { OpCode, OperationKey } from '@ringbearer/io-uring-opcode';

/** What deferred work needs of the engine. */
export interface DeferredHost {
  /** The key still names an operation in flight. */
  holds(key: OperationKey): boolean;
  /** Cancels now, or says that there is no room. */
  tryCancel(key: OperationKey): boolean;
  /** Submits now, or says that there is no room. */
  trySubmit(operation: OpCode<unknown>): boolean;
}

/**
 * Cancellations and follow-ups that found no room: at most one cancellation for each record, and one follow-up for each result
 * nobody took. They are tried again after the next batch and, as none may come, in the next turn of the event loop.
 */
export class DeferredWork {
  readonly #host: DeferredHost;
  readonly #usesLoop: boolean;
  readonly #cancels = new Map<number, OperationKey>();
  readonly #followUps: OpCode<unknown>[] = [];
  #waiting = false;

  /** @param usesLoop an event loop turns: false for the manual driver */
  constructor(host: DeferredHost, usesLoop: boolean) {
    this.#host = host;
    this.#usesLoop = usesLoop;
  }

  /** Something waits for {@link run}. */
  get waiting(): boolean {
    return this.#waiting;
  }
  /** Follow-ups wait: a close waits for them. */
  get hasFollowUps(): boolean {
    return this.#followUps.length > 0;
  }

  cancel({ slot, generation }: OperationKey): void {
    this.#cancels.set(slot, { slot, generation });
    this.#schedule();
  }

  followUp(operation: OpCode<unknown>): void {
    this.#followUps.push(operation);
    this.#schedule();
  }

  /** Does what there is room for. */
  run(): void {
    for (const [slot, key] of this.#cancels) {
      if (this.#host.holds(key) && !this.#host.tryCancel(key)) break;
      this.#cancels.delete(slot);
    }
    const followUps = this.#followUps;
    while (followUps.length > 0 && this.#host.trySubmit(followUps[0]!)) followUps.shift();
    this.#waiting = this.#cancels.size > 0 || followUps.length > 0;
  }

  #schedule(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    if (this.#usesLoop) setImmediate(() => this.run());
  }
}

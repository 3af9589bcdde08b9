import type { OpCode, Sqe } from '@ringbearer/io-uring-opcode';
import type { InFlightMark } from '@ringbearer/io-uring-opcode/in-flight';
import type { ArrivalDesk } from './arrival-desk.js';
import { inFlightError, writingError } from './errors.js';
import { KERNEL_FLAGS } from './record-flags.js';
import type { RingQueues } from './ring/ring-queues.js';
import type { Slabbable } from './slab/slabbable.js';

/** Writes submission entries where the kernel does not look yet. Hot path: allocates nothing. */
export class EntryWriter {
  readonly #slab: Slabbable<OpCode<unknown>>;
  readonly #queues: RingQueues;
  readonly #sqe: Sqe;
  readonly #arrivals: ArrivalDesk;
  readonly #exhausted: () => Error;
  #writing = false;

  constructor(
    slab: Slabbable<OpCode<unknown>>,
    queues: RingQueues,
    sqe: Sqe,
    arrivals: ArrivalDesk,
    exhausted: () => Error,
  ) {
    this.#slab = slab;
    this.#queues = queues;
    this.#sqe = sqe;
    this.#arrivals = arrivals;
    this.#exhausted = exhausted;
  }

  /** An operation is being asked for its entry: there is no other place to write one meanwhile. */
  get writing(): boolean {
    return this.#writing;
  }

  /** What the entry that was written last says of itself: `Sqe.marks`. */
  get marks(): number {
    return this.#sqe.marks;
  }

  /**
   * Writes the entry `ahead` places behind the queue's end.
   *
   * @returns the slot that is reserved for its record
   * @throws what the operation throws, or AtCapacity; nothing is changed then
   */
  write(operation: OpCode<unknown>, mark: InFlightMark, flags: number, ahead: number): number {
    if (this.#writing) throw writingError(operation);
    const slab = this.#slab;
    let acquired = false;
    let slot = -1;
    this.#writing = true;
    try {
      if (this.#arrivals.incremental > 0) this.#arrivals.check(operation);
      operation.acquire();
      acquired = true;
      slot = slab.reserve();
      if (slot < 0) throw this.#exhausted();
      this.#sqe.open(
        this.#queues.entryAhead(ahead),
        operation.code | ((flags & KERNEL_FLAGS) << 8),
        slot,
        slab.generation(slot),
        flags,
      );
      operation.prepare(this.#sqe);
      // It may have been given to another bearer meanwhile.
      if (mark.slot >= 0) throw inFlightError(operation);
    } catch (error) {
      if (slot >= 0) slab.cancel(slot);
      if (acquired) operation.rollback();
      throw error;
    } finally {
      this.#sqe.seal();
      this.#writing = false;
    }
    return slot;
  }

  /** Writes entries one behind the other, or none of them. @throws as {@link write} */
  writeAll(
    operations: readonly OpCode<unknown>[],
    marks: readonly InFlightMark[],
    flags: readonly number[],
  ): number[] {
    const slots: number[] = [];
    try {
      for (let i = 0; i < operations.length; i++)
        slots.push(this.write(operations[i]!, marks[i]!, flags[i]!, i));
      // One may have been given to another bearer while those behind it were asked.
      const taken = marks.findIndex(({ slot }) => slot >= 0);
      if (taken >= 0) throw inFlightError(operations[taken]!);
    } catch (error) {
      for (let i = slots.length - 1; i >= 0; i--) {
        this.#slab.cancel(slots[i]!);
        operations[i]!.rollback();
      }
      throw error;
    }
    return slots;
  }
}

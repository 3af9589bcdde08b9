import type { HeldBytes } from '../sans-io/held-bytes.js';
import type { TransmitQueue, WritableSlot } from './transmit-queue.js';

/** What a connection borrows to send with. */
interface Transmitting {
  readonly queue: TransmitQueue<WritableSlot>;
  /** Nothing is queued, being sent, or held by the kernel. */
  readonly idle: boolean;
  /** Whether everything written so far was sent, once that is known and its memory let go. */
  whenSent(): Promise<boolean>;
}

/** The half of a connection that its orbit writes to: as `Left` has it, on whatever the runtime sends with. */
export abstract class TransmitSide<Outgoing extends Transmitting> {
  /** What is written or being sent; null: nothing. */
  protected outgoing: Outgoing | null = null;
  /** Somebody was told to hold back, and waits for `drained`. */
  protected wasBlocked = false;
  /** Something that was written is never sent. */
  lost = false;

  /** Makes {@link outgoing}. */
  protected abstract borrow(): Outgoing;
  /** Something was written: it is sent at the end of the batch. */
  protected abstract touch(): void;
  /** Bytes queued from which a writer is told to hold back. */
  protected abstract get highWaterBytes(): number;

  get out(): Uint8Array {
    return (this.outgoing ?? this.borrow()).queue.out;
  }
  get blocked(): boolean {
    return this.outgoing !== null && this.#holdsBack(this.outgoing.queue.bytes);
  }
  reserve(length: number): number {
    return (this.outgoing ?? this.borrow()).queue.reserve(length);
  }
  commit(end: number): void {
    const { queue } = this.outgoing ?? this.borrow();
    queue.commit(end);
    this.#written(queue.bytes);
  }
  write(bytes: Uint8Array, start: number, end: number): boolean {
    const { queue } = this.outgoing ?? this.borrow();
    queue.write(bytes, start, end);
    return this.#written(queue.bytes);
  }
  send(bytes: Uint8Array): boolean {
    const { queue } = this.outgoing ?? this.borrow();
    queue.send(bytes);
    return this.#written(queue.bytes);
  }
  whenSent(): Promise<boolean> {
    const { outgoing } = this;
    return outgoing === null || outgoing.idle ? Promise.resolve(!this.lost) : outgoing.whenSent();
  }

  sendHeld(held: HeldBytes): boolean {
    const { queue } = this.outgoing ?? this.borrow();
    queue.sendHeld(held);
    return this.#written(queue.bytes);
  }

  #written(bytes: number): boolean {
    this.touch();
    return !this.#holdsBack(bytes);
  }

  /** The bound may move: whoever finds it passed, by writing or by asking, is told when it no longer is. */
  #holdsBack(bytes: number): boolean {
    if (bytes < this.highWaterBytes) return false;
    this.wasBlocked = true;
    return true;
  }
}

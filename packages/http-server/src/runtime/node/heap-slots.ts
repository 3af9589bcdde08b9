import { SLOT_BYTES, type SlotPool, type WritableSlot } from '../transmit-queue.js';

/** Free slots that are kept: 4 MiB. */
const SPARE_MAX = 256;

/** Transmit slots on the heap. */
export class HeapSlots implements SlotPool<WritableSlot> {
  readonly #free: WritableSlot[] = [];

  /** An empty one. */
  take(): WritableSlot {
    const slot = this.#free.pop();
    if (slot === undefined) return { bytes: Buffer.allocUnsafeSlow(SLOT_BYTES), used: 0 };
    slot.used = 0;
    return slot;
  }

  /** The socket is given one piece at a time. */
  cut(): null {
    return null;
  }

  /** The socket keeps what it is given until nobody says when. */
  lend(): null {
    return null;
  }

  /** Takes one back that nobody reads any more. */
  give(slot: WritableSlot): void {
    if (this.#free.length < SPARE_MAX) this.#free.push(slot);
  }
}

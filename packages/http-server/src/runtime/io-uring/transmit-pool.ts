import type { UringBearer } from '@ringbearer/io-uring-bearer';
import type { TransferBytes } from '@ringbearer/io-uring-opcode';
import type { HeldBytes } from '../../sans-io/held-bytes.js';
import { SLOT_BYTES, type WritableSlot } from '../transmit-queue.js';
import { Gathered } from './gathered.js';

/** Memory that responses are written to and sent from. */
export interface TransmitSlot extends WritableSlot {
  /** What a Send takes. */
  readonly source: TransferBytes;
  /** From the pool: it goes back there. */
  readonly pooled: boolean;
  /** The kernel has let go of it: it may be written again. */
  recycle(): void;
}

/**
 * Transmit slots of one ring, last in, first out, so that a slot still warm in the cache is used next. A connection holds one only
 * from the first byte of a response until it is sent, so idle connections hold none. When all are in use, slots come from the heap:
 * connections bound how many those can be.
 */
export class TransmitPool {
  readonly #free: TransmitSlot[] = [];
  #borrowed = 0;

  constructor(bearer: UringBearer, count: number) {
    const pool = bearer.buffers.pool({ count, bufferBytes: SLOT_BYTES });
    for (let index = 0; index < count; index++) {
      const lease = pool.take();
      const { owner } = lease;
      this.#free.push({
        bytes: lease.unsafe.bytes,
        source: lease,
        used: 0,
        pooled: true,
        recycle: () => {
          // What was chosen but never submitted has nothing to come back from.
          if (!owner.idle) owner.reuse();
        },
      });
    }
    this.#free.reverse(); // lowest addresses first
  }

  /** Slots from the heap that are in use now. */
  get borrowed(): number {
    return this.#borrowed;
  }

  take(): TransmitSlot {
    const slot = this.#free.pop();
    if (slot !== undefined) {
      slot.used = 0;
      return slot;
    }
    this.#borrowed++;
    const bytes = new Uint8Array(SLOT_BYTES);
    return { bytes, source: bytes, used: 0, pooled: false, recycle: () => {} };
  }

  lend(held: HeldBytes): TransmitSlot | null {
    return held instanceof Gathered ? new LentSlot(held) : null;
  }

  /** Gives a slot back that was sent. */
  give(slot: TransmitSlot): void {
    if (slot instanceof LentSlot) {
      slot.source.release();
      return;
    }
    if (!slot.pooled) {
      this.#borrowed--;
      return;
    }
    this.#free.push(slot);
  }
}

/** Memory that is sent once, from where it was received to. */
class LentSlot implements TransmitSlot {
  readonly source: Gathered;
  readonly pooled = false;
  readonly used: number;

  constructor(source: Gathered) {
    this.source = source;
    this.used = source.byteLength;
  }

  get bytes(): Uint8Array {
    return this.source.bytes;
  }

  recycle(): void {
    this.source.recycle();
  }
}

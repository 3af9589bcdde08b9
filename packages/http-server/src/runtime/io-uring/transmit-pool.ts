import type { UringBearer } from '@ringbearer/io-uring-bearer';
import type { TransferBytes } from '@ringbearer/io-uring-opcode';
import type { HeldBytes } from '../../sans-io/held-bytes.js';
import { SLOT_BYTES, type WritableSlot } from '../transmit-queue.js';
import { Gathered } from './gathered.js';

/** Memory that responses are written to and sent from. */
export interface TransmitSlot extends WritableSlot {
  /** What a Send takes. */
  readonly source: TransferBytes;
  /** First of the bytes in it. */
  readonly start: number;
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
  readonly #free: WholeSlot[] = [];
  #borrowed = 0;

  constructor(bearer: UringBearer, count: number) {
    const pool = bearer.buffers.pool({ count, bufferBytes: SLOT_BYTES });
    for (let index = 0; index < count; index++) {
      const lease = pool.take();
      const { owner } = lease;
      this.#free.push({
        bytes: lease.unsafe.bytes,
        source: lease,
        start: 0,
        used: 0,
        shares: 1,
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
      slot.shares = 1;
      return slot;
    }
    this.#borrowed++;
    const bytes = new Uint8Array(SLOT_BYTES);
    const fresh: WholeSlot = {
      bytes,
      source: bytes,
      start: 0,
      used: 0,
      shares: 1,
      pooled: false,
      recycle: () => {},
    };
    return fresh;
  }

  cut(slot: TransmitSlot, start: number): TransmitSlot | null {
    const whole = slot as WholeSlot;
    whole.shares++;
    return new PartOfSlot(whole, start);
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
    const whole = slot instanceof PartOfSlot ? slot.whole : (slot as WholeSlot);
    if (--whole.shares > 0) return;
    if (whole.pooled) this.#free.push(whole);
    else this.#borrowed--;
  }
}

/** One that is written. */
interface WholeSlot extends TransmitSlot {
  /** Who has it: whoever writes it, and the parts. */
  shares: number;
}

/** What was written to a slot between two pieces of the caller's. */
class PartOfSlot implements TransmitSlot {
  readonly whole: WholeSlot;
  readonly start: number;
  readonly used: number;

  constructor(whole: WholeSlot, start: number) {
    this.whole = whole;
    this.start = start;
    this.used = whole.used - start;
  }

  get bytes(): Uint8Array {
    return this.whole.bytes;
  }
  get source(): TransferBytes {
    return this.whole.source;
  }
  get pooled(): boolean {
    return this.whole.pooled;
  }
  recycle(): void {
    this.whole.recycle();
  }
}

/** Memory that is sent once, from where it was received to. */
class LentSlot implements TransmitSlot {
  readonly source: Gathered;
  readonly start = 0;
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

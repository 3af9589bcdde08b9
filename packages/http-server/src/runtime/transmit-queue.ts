import type { HeldBytes } from '../sans-io/held-bytes.js';
import { RESERVE_BYTES_MAX } from '../sans-io/left.js';
import { BytesChangedError } from './bytes-changed.js';

/** Bytes of one transmit slot: what one `reserve` may ask for. */
export const SLOT_BYTES = RESERVE_BYTES_MAX;

/** Bytes queued above which a writer is told to hold back. */
export const HIGH_WATER_BYTES = 64 * 1024;
/** Bytes queued below which it is told to go on. */
export const LOW_WATER_BYTES = 16 * 1024;
/** Bytes from which `send` queues the caller's memory itself instead of a copy. */
const COPY_BYTES_MAX = 8 * 1024;

/** Memory of {@link SLOT_BYTES} that responses are written to. */
export interface WritableSlot {
  /** All bytes of the slot. */
  readonly bytes: Uint8Array;
  /** Bytes written so far. */
  used: number;
}

/** Where slots come from. */
export interface SlotPool<Slot extends WritableSlot> {
  /** An empty one. */
  take(): Slot;
  /** Takes one back that was sent, or will not be. */
  give(slot: Slot): void;
  /**
   * A slot of the bytes of `slot` from `start` to those used now, which is written on behind them; null where a slot is sent as a whole only. `slot` is free again
   * when all that were cut off and it itself were given back.
   */
  cut(slot: Slot, start: number): Slot | null;
  /** A slot for bytes that are sent from where they are and given back with it; null where they cannot be. */
  lend(held: HeldBytes): Slot | null;
}

/** Something to send: a slot of ours, or bytes of the caller's. */
export type Segment<Slot extends WritableSlot = WritableSlot> = Slot | Uint8Array;

/** What one connection has still to send, in order. */
export class TransmitQueue<Slot extends WritableSlot> {
  readonly #pool: SlotPool<Slot>;
  /** The slot that is being written. */
  #current: Slot | null = null;
  /** Of that, what was queued already: so that what stands between pieces of the caller's takes one slot, not one for each piece. */
  #cut = 0;
  /** What comes before it. */
  #queue: Segment<Slot>[] = [];
  /** Bytes of each of those when it was queued: a caller's array may be transferred under our hands. */
  #lengths: number[] = [];
  #queued = 0;

  constructor(pool: SlotPool<Slot>) {
    this.#pool = pool;
  }

  /** Bytes queued, what is in flight not included. */
  get bytes(): number {
    return this.#queued + (this.#current === null ? 0 : this.#current.used - this.#cut);
  }

  /** Memory of the slot that {@link reserve} chose. */
  get out(): Uint8Array {
    return this.#current!.bytes;
  }

  reserve(length: number): number {
    const current = this.#current;
    if (current !== null && current.used + length <= SLOT_BYTES) return current.used;
    if (length > SLOT_BYTES) throw new RangeError(TOO_LONG);
    this.#seal();
    this.#current = this.#pool.take();
    return 0;
  }

  commit(end: number): void {
    const current = this.#current!;
    if (end < current.used || end > SLOT_BYTES) throw new RangeError(OUTSIDE);
    current.used = end;
  }

  write(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const room = this.#current === null ? SLOT_BYTES : SLOT_BYTES - this.#current.used;
      const length = Math.min(end - at, room === 0 ? SLOT_BYTES : room);
      const offset = this.reserve(length);
      this.#current!.bytes.set(bytes.subarray(at, at + length), offset);
      this.#current!.used = offset + length;
      at += length;
    }
  }

  send(bytes: Uint8Array): void {
    if (bytes.length <= COPY_BYTES_MAX) {
      this.write(bytes, 0, bytes.length);
      return;
    }
    this.#cutOff();
    this.#append(bytes, bytes.length);
  }

  sendHeld(held: HeldBytes): void {
    const slot = this.#pool.lend(held);
    if (slot === null) {
      this.send(held.bytes.slice());
      held.release();
      return;
    }
    this.#seal();
    this.#append(slot, slot.used);
  }

  /** The next thing to send, or null. @throws BytesChangedError when it is not what was queued: the rest is of no use then */
  shift(): Segment<Slot> | null {
    if (this.#queue.length > 0) {
      const segment = this.#queue.shift()!;
      const length = this.#lengths.shift()!;
      this.#queued -= length;
      if (segmentBytes(segment) !== length) throw new BytesChangedError();
      return segment;
    }
    const current = this.#current;
    if (current === null || current.used === 0) return null;
    if (this.#cut === 0) {
      this.#current = null;
      return current;
    }
    this.#seal();
    return this.shift();
  }

  /** What was shifted is about to be sent: a slot of which it has a part is not written any more. */
  close(): void {
    if (this.#cut > 0) this.#seal();
  }

  /** Drops everything. */
  clear(): void {
    if (this.#queue.length > 0) {
      for (const segment of this.#queue)
        if (!(segment instanceof Uint8Array)) this.#pool.give(segment);
      this.#queue = [];
      this.#lengths = [];
      this.#queued = 0;
    }
    if (this.#current !== null) this.#pool.give(this.#current);
    this.#current = null;
    this.#cut = 0;
  }

  #seal(): void {
    if (this.#cut > 0) this.#cutOff();
    const current = this.#current;
    if (current === null) return;
    this.#current = null;
    if (this.#cut > 0 || current.used === 0) {
      this.#cut = 0;
      this.#pool.give(current);
      return;
    }
    this.#append(current, current.used);
  }

  /** Queues what was written to the slot, which is written on. */
  #cutOff(): void {
    const current = this.#current;
    const start = this.#cut;
    if (current === null || current.used === start) return;
    const piece = this.#pool.cut(current, start);
    if (piece === null) {
      this.#current = null;
      this.#append(current, current.used);
      return;
    }
    this.#append(piece, current.used - start);
    this.#cut = current.used;
  }

  #append(segment: Segment<Slot>, length: number): void {
    this.#queue.push(segment);
    this.#lengths.push(length);
    this.#queued += length;
  }
}

/** Bytes of a segment that are to be sent. */
export function segmentBytes(segment: Segment): number {
  return segment instanceof Uint8Array ? segment.length : segment.used;
}

const TOO_LONG = 'Cannot reserve more than RESERVE_BYTES_MAX bytes at once: use write()';
const OUTSIDE = 'Cannot commit bytes outside of what was reserved';

import { type Lease, MemoryRange } from '@ringbearer/io-uring-buffer';
import { FixedFd } from '@ringbearer/io-uring-fd';
import { type Cqe, Recv, type TransferBytes } from '@ringbearer/io-uring-opcode';
import type { Kept } from '../carry.js';
import { Gathered, type GatheredHome } from './gathered.js';

/** Bytes of one gathering: a body of the default limit takes two. In powers of two, which is what is mapped. */
export const GATHERED_BYTES_MAX = 1024 * 1024;
/**
 * Less is not worth it. It is also more than a turn of the receive brings, which may be in flight when gathering begins: what comes by it fits.
 */
export const GATHERED_BYTES_MIN = 128 * 1024;

/** Hears of what arrived. */
export interface Gatherer {
  onGathered(cqe: Cqe): void;
}

/**
 * Memory that a long message is received into in one piece, and the receive that does it: a few large ones, straight to where they are kept, in place of one
 * for every 16 KiB, which are copied there. The kernel owns the memory while the receive is in flight, and it goes back to the pool only after that.
 */
export class Gathering extends Recv implements Kept {
  gatherer: Gatherer;
  readonly bytes: Uint8Array;
  start = 0;
  length = 0;
  /** Bytes there will be; the message goes on behind them, or ends. */
  needed = 0;
  readonly #memory: Lease;

  constructor(memory: Lease) {
    super({ socket: NO_SOCKET, memory });
    this.#memory = memory;
    this.bytes = memory.unsafe.bytes;
    this.gatherer = NOBODY;
    this.handler = tell;
  }

  /** From now on `needed` bytes of `socket`. */
  open(socket: FixedFd, gatherer: Gatherer, needed: number): void {
    this.setSocket(socket);
    this.gatherer = gatherer;
    this.needed = needed;
    this.start = 0;
    this.length = 0;
  }

  /** Bytes that came by another way. */
  append(source: Uint8Array, from: number, to: number): void {
    this.bytes.set(source.subarray(from, to), this.start + this.length);
    this.length += to - from;
  }

  consume(count: number): void {
    this.start += count;
    this.length -= count;
    this.needed = Math.max(0, this.needed - count);
  }

  /** Who may touch the memory. */
  get owner(): Exclude<TransferBytes, Uint8Array>['owner'] {
    return this.#memory.owner;
  }

  /** The message leaves the connection with the memory. Null unless those bytes are all there is from `start` on. */
  hold(home: GatheredHome, bytes: Uint8Array, start: number, end: number): Gathered | null {
    const ours = bytes === this.bytes && start >= this.start;
    if (!ours || end <= start || end !== this.start + this.length || this.inFlight) return null;
    const range = new MemoryRange(this.#memory.unsafe, start, end - start);
    this.gatherer = NOBODY;
    return new Gathered(home, this, range);
  }

  /** It is not used again. */
  giveBack(): void {
    this.#memory.release();
  }

  /** Some are still to come. */
  get wants(): boolean {
    return this.length < this.needed;
  }

  /** How many more bytes fit. */
  get room(): number {
    return this.bytes.length - this.start - this.length;
  }

  /** The next submission receives what is still to come, and nothing behind it. */
  aim(): void {
    this.set(this.#memory, this.start + this.length, this.needed - this.length);
  }

  /** The receive has completed. @param count bytes that came by it */
  arrived(count: number): void {
    const { owner } = this.#memory;
    if (!owner.idle) owner.reuse();
    this.length += count;
  }
}

// One function for all, called as a method: a closure for each would cost as much as the operation.
function tell(this: unknown, cqe: Cqe): void {
  (this as Gathering).gatherer.onGathered(cqe);
}

const NO_SOCKET = new FixedFd(0);
/** Who has given a gathering back. */
export const NOBODY: Gatherer = { onGathered() {} };

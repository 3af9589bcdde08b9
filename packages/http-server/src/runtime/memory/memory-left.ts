import { copyBytes } from '../../sans-io/copy-bytes.js';
import type { HeldBytes } from '../../sans-io/held-bytes.js';
import { type Left, type PeerAddress, RESERVE_BYTES_MAX } from '../../sans-io/left.js';
import { SentMarks } from '../sent-marks.js';
import type { MemoryClock } from './memory-clock.js';

/** How a {@link MemoryLeft} behaves. */
export interface MemoryLeftOptions {
  /** Queued bytes from which `blocked` is true. Default 65,536. */
  readonly highWaterBytes?: number;
  /** Queued bytes below which `drained()` is due. Default a quarter of the high-water mark. */
  readonly lowWaterBytes?: number;
  /** Bytes that {@link Left.gather} grants at most. Default 0: it refuses. */
  readonly gatheredBytesMax?: number;
  /** What {@link Left.peer} says. Default 127.0.0.1, port 40,000. */
  readonly peer?: PeerAddress | null;
}

const LOOPBACK: PeerAddress = { family: 'IPv4', address: '127.0.0.1', port: 40_000 };

/** Bytes that were gathered, as they are shown. */
export interface GatheredBytes {
  /** Where they are. */
  readonly bytes: Uint8Array;
  /** The offset after the last one. */
  readonly end: number;
}

/** The Left of the in-memory runtime: keeps what is written until the test takes it, and asserts the contract of {@link Left}. */
export class MemoryLeft implements Left {
  /** The clock of its runtime. */
  readonly clock: MemoryClock;
  readonly #highWaterBytes: number;
  readonly #lowWaterBytes: number;
  readonly #peer: PeerAddress | null;
  readonly #gatheredBytesMax: number;
  #out = new Uint8Array(RESERVE_BYTES_MAX);
  #reservedFrom = -1;
  #reservedTo = -1;
  #chunks: Uint8Array[] = [];
  #queued = 0;
  #owesDrained = false;
  readonly #marks = new SentMarks();
  #lost = false;

  deadline = 0;
  /** `end()` was called. */
  ended = false;
  /** `abort()` was called. */
  aborted = false;
  /** And asked for a reset. */
  reset = false;
  /** `pause()` was called, and `resume()` not since. */
  paused = false;
  /** What {@link gather} granted and the orbit has not got yet. */
  awaited = 0;
  /** `gather(0)` was called: what there is is to be shown again. */
  showAgain = false;
  /** What {@link hold} handed out and nobody has given back. */
  readonly held = new Set<HeldBytes>();
  /** The bytes that {@link hold} may have: those shown now, if they were gathered; the connection's business. */
  gathered: GatheredBytes | null = null;
  /** How often bytes were committed, written or sent: a measure of coalescing. */
  writes = 0;

  constructor(clock: MemoryClock, options: MemoryLeftOptions = {}) {
    this.clock = clock;
    this.#highWaterBytes = options.highWaterBytes ?? 65_536;
    this.#lowWaterBytes = options.lowWaterBytes ?? this.#highWaterBytes >> 2;
    this.#gatheredBytesMax = options.gatheredBytesMax ?? 0;
    this.#peer = options.peer === undefined ? LOOPBACK : options.peer;
  }

  get out(): Uint8Array {
    return this.#out;
  }

  get blocked(): boolean {
    return this.#queued >= this.#highWaterBytes;
  }

  /** Bytes the peer has not taken yet. */
  get queuedBytes(): number {
    return this.#queued;
  }

  reserve(length: number): number {
    if (length > RESERVE_BYTES_MAX) throw new Error('reserve() of more than RESERVE_BYTES_MAX');
    // A new array each time: whoever kept the old one writes into nothing.
    this.#out = new Uint8Array(length + 16);
    this.#reservedFrom = 8;
    this.#reservedTo = 8 + length;
    return 8;
  }

  commit(end: number): void {
    if (this.#reservedFrom < 0) throw new Error('commit() without reserve()');
    if (end < this.#reservedFrom || end > this.#reservedTo) {
      throw new Error('commit() outside of what was reserved');
    }
    this.#take(copyBytes(this.#out, this.#reservedFrom, end));
    this.#out.fill(0xee);
    this.#reservedFrom = -1;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#take(copyBytes(bytes, start, end));
    return !this.blocked;
  }

  send(bytes: Uint8Array): boolean {
    this.#take(copyBytes(bytes, 0, bytes.length));
    return !this.blocked;
  }

  whenSent(): Promise<boolean> {
    return this.#queued === 0 ? Promise.resolve(!this.#lost) : this.#marks.add(this.#queued);
  }

  sendHeld(held: HeldBytes): boolean {
    const sent = this.send(held.bytes);
    held.release();
    return sent;
  }

  end(): void {
    this.ended = true;
  }

  abort(reset = false): void {
    this.reset ||= reset;
    this.aborted = true;
    this.lose();
  }

  /** The connection is over: what the peer has not taken it never gets. */
  lose(): void {
    if (this.#queued > 0) this.#lost = true;
    this.#chunks = [];
    this.#queued = 0;
    this.#marks.lose();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  gather(length: number): number {
    if (length === 0) this.showAgain = true;
    else if (this.awaited > 0) throw new Error('gather() while something is gathered');
    this.awaited = Math.min(length, this.#gatheredBytesMax);
    return this.awaited;
  }

  hold(bytes: Uint8Array, start: number, end: number): HeldBytes | null {
    const { gathered } = this;
    if (gathered === null || gathered.bytes !== bytes || gathered.end !== end) return null;
    this.gathered = null;
    return new MemoryHeld(this.held, copyBytes(bytes, start, end));
  }

  peer(): PeerAddress | null {
    return this.#peer;
  }

  /** Takes up to `max` bytes off the queue, as a peer that reads. */
  take(max: number = Number.POSITIVE_INFINITY): Uint8Array {
    const taken: Uint8Array[] = [];
    let length = 0;
    while (length < max && this.#chunks.length > 0) {
      const chunk = this.#chunks[0]!;
      const rest = max - length;
      if (chunk.length <= rest) {
        taken.push(chunk);
        length += chunk.length;
        this.#chunks.shift();
      } else {
        taken.push(chunk.subarray(0, rest));
        length += rest;
        this.#chunks[0] = chunk.subarray(rest);
      }
    }
    this.#queued -= length;
    if (length > 0) this.#marks.sent(length);
    return Buffer.concat(taken);
  }

  /** True once after the queue fell from above the high-water mark to below the low-water mark. */
  takeDrained(): boolean {
    if (!this.#owesDrained || this.#queued > this.#lowWaterBytes) return false;
    this.#owesDrained = false;
    return true;
  }

  #take(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.ended || this.aborted) {
      this.#lost = true;
      return;
    }
    this.writes++;
    this.#chunks.push(bytes);
    this.#queued += bytes.length;
    if (this.blocked) this.#owesDrained = true;
  }
}

/** Poisoned when it is given back: whoever looks at it then sees that. */
class MemoryHeld implements HeldBytes {
  readonly #all: Set<HeldBytes>;
  #bytes: Uint8Array | null;
  readonly byteLength: number;

  constructor(all: Set<HeldBytes>, bytes: Uint8Array) {
    this.#all = all;
    this.#bytes = bytes;
    this.byteLength = bytes.length;
    all.add(this);
  }

  get bytes(): Uint8Array {
    if (this.#bytes === null) throw new Error('bytes that were given back');
    return this.#bytes;
  }
  get busy(): boolean {
    return false;
  }
  release(): void {
    this.#bytes?.fill(0xdd);
    this.#bytes = null;
    this.#all.delete(this);
  }
  move(): HeldBytes {
    const moved = new MemoryHeld(this.#all, this.bytes);
    this.#bytes = null;
    this.#all.delete(this);
    return moved;
  }
}

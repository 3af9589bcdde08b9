import type { CloseReason, Orbit } from '../../sans-io/orbit.js';
import type { MemoryClock } from './memory-clock.js';
import type { MemoryLeft } from './memory-left.js';
import type { Random } from './random.js';

/** Where bytes are split on their way in: every `n` bytes, at these offsets, at random, or not at all. */
export type Splits = number | readonly number[] | 'random' | 'none';

/** Every byte of memory an orbit was shown is overwritten with this after the call: nobody may look at it later. */
const POISON = 0xaa;

/**
 * One connection of the in-memory runtime, seen from the peer: send bytes, FIN or a reset, read what came back.
 *
 * Nothing happens until {@link run}; it delivers, in pieces, until nothing is left to do. Received memory is poisoned after each call.
 */
export class MemoryConnection {
  /** What the orbit writes to, with what it asked for. */
  readonly left: MemoryLeft;
  readonly #orbit: Orbit;
  readonly #clock: MemoryClock;
  readonly #random: Random;
  /** Sent and not yet delivered. */
  #incoming: Uint8Array[] = [];
  /** Delivered and not consumed. */
  #kept: Uint8Array = new Uint8Array(0);
  #fin = false;
  #finTold = false;
  #received: Uint8Array[] = [];
  /** The most bytes the orbit left unconsumed without pausing. */
  keptBytesMax = 0;
  /** What the orbit was told, once it was. */
  closed: CloseReason | null = null;
  /** False: the peer does not read, so back-pressure builds up. */
  reads = true;

  constructor(left: MemoryLeft, orbit: Orbit, clock: MemoryClock, random: Random) {
    this.left = left;
    this.#orbit = orbit;
    this.#clock = clock;
    this.#random = random;
  }

  /** Everything the peer read so far, as latin1 text. */
  get received(): string {
    return this.receivedBytes.toString('latin1');
  }

  /** Everything the peer read so far. */
  get receivedBytes(): Buffer {
    const all = Buffer.concat(this.#received);
    this.#received = [all];
    return all;
  }

  /** Forgets what was read, and returns it. */
  takeReceived(): string {
    const text = this.received;
    this.#received = [];
    return text;
  }

  /** Bytes that wait for the orbit to resume, or that were sent and not delivered. */
  get pendingBytes(): number {
    let bytes = this.#kept.length;
    for (const chunk of this.#incoming) bytes += chunk.length;
    return bytes;
  }

  /** The peer sends, in pieces; a string is latin1. */
  send(data: string | Uint8Array, splits: Splits = 'none'): this {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    let from = 0;
    for (const to of this.#offsets(bytes.length, splits)) {
      if (to > from) this.#incoming.push(bytes.subarray(from, to));
      from = to;
    }
    if (from < bytes.length) this.#incoming.push(bytes.subarray(from));
    return this;
  }

  /** The peer sends FIN after what it sent. */
  fin(): this {
    this.#fin = true;
    return this;
  }

  /** The peer resets: the orbit is closed at once. */
  reset(): void {
    this.#close('peer-reset');
  }

  /** The server is closing. */
  shutdown(gently = false): this {
    if (this.closed === null) this.#orbit.shutdown(gently);
    return this;
  }

  /** Delivers everything that can be delivered. Handlers that are asynchronous need {@link settle}. */
  run(): this {
    for (;;) {
      if (this.closed !== null) return this;
      if (this.left.aborted) {
        this.#close('aborted');
        return this;
      }
      if (this.reads) this.read();
      if (this.closed !== null) return this;
      if (this.left.takeDrained()) {
        this.#orbit.drained();
        continue;
      }
      if (this.left.paused) return this;
      const fresh = this.#incoming.shift();
      if (fresh !== undefined) this.#deliver(fresh);
      else if (this.#kept.length > 0 && (this.#wasPaused || this.left.showAgain)) {
        this.#deliver(new Uint8Array(0));
      } else if (this.#fin && !this.#finTold) {
        this.#finTold = true;
        if (!this.left.ended) this.#orbit.receiveEnd();
      } else if (this.left.ended && this.reads && this.left.queuedBytes === 0) {
        this.#close('ended');
      } else return this;
    }
  }

  /** {@link run}, with turns of the event loop between, until nothing more happens. */
  async settle(turns = 6): Promise<this> {
    for (let i = 0; i < turns; i++) {
      this.run();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return this.run();
  }

  /** The peer reads up to `max` bytes. */
  read(max?: number): void {
    const bytes = this.left.take(max);
    if (bytes.length > 0) this.#received.push(bytes);
  }

  /** Called by the runtime when time passed. */
  tick(): void {
    const now = this.#clock.now;
    if (this.closed !== null || this.left.deadline === 0 || now < this.left.deadline) return;
    this.left.deadline = 0;
    this.#orbit.tick(now);
    this.run();
  }

  #wasPaused = false;

  #deliver(fresh: Uint8Array): void {
    const kept = this.#kept.length;
    // Room before and after, so that an orbit that looks outside of its range sees poison.
    const memory = new Uint8Array(kept + fresh.length + 8).fill(POISON);
    memory.set(this.#kept, 4);
    memory.set(fresh, 4 + kept);
    const length = kept + fresh.length;
    const { left } = this;
    const { awaited } = left;
    left.showAgain = false;
    left.gathered = awaited > 0 && length >= awaited ? { bytes: memory, end: 4 + length } : null;
    const consumed = this.#orbit.receive(memory, 4, 4 + length);
    left.gathered = null;
    if (consumed > 0 && length < awaited && left.awaited === awaited) {
      throw new Error(
        `receive() consumed ${consumed} of ${length} bytes, and wanted ${awaited} at once`,
      );
    }
    // It has what it waited for, or took what there was after all.
    if (left.awaited === awaited ? length >= awaited : consumed === length) left.awaited = 0;
    if (!(consumed >= 0 && consumed <= length)) {
      throw new Error(`receive() consumed ${consumed} of ${length} bytes`);
    }
    this.#kept = memory.slice(4 + consumed, 4 + length);
    this.#wasPaused = left.paused;
    if (!left.paused && left.awaited === 0)
      this.keptBytesMax = Math.max(this.keptBytesMax, this.#kept.length);
    memory.fill(POISON);
  }

  #close(reason: CloseReason): void {
    if (this.closed !== null) return;
    this.read();
    this.left.lose();
    this.closed = reason;
    this.#orbit.close(reason);
  }

  #offsets(length: number, splits: Splits): readonly number[] {
    if (splits === 'none') return [];
    const offsets: number[] = [];
    if (typeof splits === 'number') {
      for (let at = splits; at < length; at += splits) offsets.push(at);
      return offsets;
    }
    if (splits !== 'random') return splits;
    for (let at = 1 + this.#random.below(16); at < length; at += 1 + this.#random.below(64)) {
      offsets.push(at);
    }
    return offsets;
  }
}

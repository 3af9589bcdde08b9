import { Arena, type Mapping, PAGE_BYTES, type PageKind } from '@ringbearer/io-uring-buffer';
import type { RawRing } from '@ringbearer/native/ring';
import type { CapacityLedger } from './capacity.js';
import { closedError } from './errors.js';
import { HugeRegions } from './huge-regions.js';

/** What one mapping of a bearer is made of. */
export interface MappedMemory {
  /** Bytes mapped: at least what was asked for. Small requests for huge pages share a mapping. */
  readonly bytes: number;
  /** Huge pages were asked for. */
  readonly hugePages: boolean;
  /** What was granted. */
  readonly pageKind: PageKind;
  /** Why it is not what was asked for, rung by rung, and what to do about it. Empty when it is. */
  readonly why: string;
}

/** A mapping of the ring, and how many of its bytes count against BufferBytes. */
interface Block {
  readonly mapping: Mapping;
  readonly hugePages: boolean;
  charged: number;
}

/**
 * The memory behind pools, rings and groups. The ring holds what it has mapped until it closes, as JavaScript may still reach it: so
 * memory that is done with stays counted in BufferBytes, and serves whoever next asks for no more than it has.
 */
export class MemoryStore {
  readonly #raw: RawRing;
  readonly #ledger: CapacityLedger;
  readonly #free: Block[] = [];
  readonly #mapped: MappedMemory[] = [];
  readonly #huge = new HugeRegions((byteLength) => this.map(byteLength, true));
  #open = true;

  constructor(raw: RawRing, ledger: CapacityLedger) {
    this.#raw = raw;
    this.#ledger = ledger;
  }

  /**
   * An arena of `bytes` zeroed bytes. Closing it makes its memory available here.
   * @param mapped bytes to map where nothing serves: more than `bytes` serve more requests later
   * @throws AtCapacity for BufferBytes; the system's error
   */
  arena(bytes: number, hugePages: boolean, mapped: number = bytes): Arena {
    const found = this.#take(bytes, hugePages);
    if (found !== undefined) this.#charge(found, bytes);
    const block = found ?? this.#make(bytes, hugePages, mapped);
    if (found !== undefined) block.mapping.bytes.fill(0, 0, bytes);
    const mapping: Mapping = { ...block.mapping, release: () => this.#release(block) };
    return new Arena({ map: () => mapping }, bytes, { hugePages: hugePages ? 'try' : 'never' });
  }

  /**
   * Memory that does not count against BufferBytes.
   * @throws BearerError `BEARER_CLOSED`
   */
  map(byteLength: number, tryHugePages: boolean): Mapping {
    if (!this.#open) throw closedError('map memory');
    const raw = this.#raw.map(byteLength, tryHugePages);
    const { buffer, addressLow, addressHigh, pageKind, whyNotHuge } = raw;
    const bytes = buffer.byteLength;
    this.#mapped.push({ bytes, hugePages: tryHugePages, pageKind, why: whyNotHuge });
    return {
      bytes: new Uint8Array(buffer),
      addressLow,
      addressHigh,
      pageKind,
      // The ring holds its memory until it closes: a request that is still in flight may name it.
      release: () => {},
    };
  }

  /** Everything that is mapped, in the order it was. */
  report(): MappedMemory[] {
    return [...this.#mapped];
  }

  /** Forgets what is free, and what becomes free: the ring closes. */
  close(): void {
    this.#open = false;
    this.#free.length = 0;
    this.#huge.clear();
  }

  #release(block: Block): void {
    if (this.#open) this.#free.push(block);
  }

  #make(bytes: number, hugePages: boolean, mapped: number): Block {
    this.#ledger.take('BufferBytes', bytes);
    try {
      const whole = Math.ceil(mapped / PAGE_BYTES) * PAGE_BYTES;
      const mapping = hugePages ? this.#huge.cut(whole) : this.map(whole, false);
      return { mapping, hugePages, charged: bytes };
    } catch (error) {
      this.#ledger.give('BufferBytes', bytes);
      throw error;
    }
  }

  /** The smallest free block that is large enough. */
  #take(bytes: number, hugePages: boolean): Block | undefined {
    let best: Block | undefined;
    for (const block of this.#free) {
      const { byteLength } = block.mapping.bytes;
      if (block.hugePages !== hugePages || byteLength < bytes) continue;
      if (best === undefined || byteLength < best.mapping.bytes.byteLength) best = block;
    }
    if (best !== undefined) this.#free.splice(this.#free.indexOf(best), 1);
    return best;
  }

  /** Counts what is used of a block for the first time. */
  #charge(block: Block, bytes: number): void {
    if (bytes <= block.charged) return;
    try {
      this.#ledger.take('BufferBytes', bytes - block.charged);
    } catch (error) {
      this.#free.push(block);
      throw error;
    }
    block.charged = bytes;
  }
}

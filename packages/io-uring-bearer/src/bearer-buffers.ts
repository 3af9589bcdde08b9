import {
  Arena,
  BufferPool,
  type BufferRegistrar,
  ClassicBufferGroup,
  FutexWord,
  type Lease,
  type Mapping,
  type MemorySource,
  ProvidedBufferRing,
} from '@ringbearer/io-uring-buffer';
import type { Received } from '@ringbearer/io-uring-opcode';
import type { RawRing } from '@ringbearer/native/ring';
import type { CapacityLedger } from './capacity.js';
import { BearerError } from './errors.js';

/** The longest wait before a group of which nobody tells when it is refilled is tried again. */
const RETRY_MS_MAX = 64;

/** Sizes of a pool. */
export interface PoolOptions {
  /** Buffers. */
  readonly count: number;
  /** Bytes of each. */
  readonly bufferBytes: number;
  /** Try huge pages (hugetlb, then transparent). Default false. */
  readonly hugePages?: boolean;
}

/** Sizes of a group of provided buffers. */
export interface GroupOptions extends PoolOptions {
  /** Group id, 0 to 65535. Default: the lowest that is free. */
  readonly group?: number;
}

/**
 * The memory of one bearer: everything here counts against Buffers, BufferBytes, BufferGroups and Futexes, and is given back when the
 * bearer closes, at the latest.
 */
export class BearerBuffers {
  readonly #raw: RawRing;
  readonly #ledger: CapacityLedger;
  readonly #rings = new Map<number, ProvidedBufferRing>();
  readonly #groups = new Set<number>();
  readonly #waiters = new Map<number, Set<() => void>>();
  readonly #source: MemorySource;
  readonly #registrar: BufferRegistrar;
  #futexArena: Arena | null = null;

  constructor(raw: RawRing, ledger: CapacityLedger) {
    this.#raw = raw;
    this.#ledger = ledger;
    this.#source = {
      map: (byteLength, { hugePages }) => this.#map(byteLength, hugePages === 'try'),
    };
    this.#registrar = {
      registerBufferRing: ({ group, entries, ring, flags }) =>
        raw.registerBufferRing(group, entries, ring.addressLow, ring.addressHigh, flags),
      unregisterBufferRing: (group) => {
        if (this.#rings.delete(group)) this.#giveGroup(group);
        raw.unregisterBufferRing(group);
      },
    };
  }

  /**
   * A pool of equal buffers, for sends and single receives.
   * @throws AtCapacity for Buffers or BufferBytes
   */
  pool(options: PoolOptions): BufferPool {
    const { count, bufferBytes, hugePages = false } = options;
    const bytes = poolBytes(count, bufferBytes);
    const giveBack = this.#take(count, bytes);
    try {
      return new BufferPool(this.#arena(bytes, hugePages), { count, size: bufferBytes });
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  /**
   * A registered ring of provided buffers (kernel 5.19): the kernel picks one for each receive. All connections of a
   * ring can share it, so memory follows activity.
   * @throws AtCapacity for Buffers, BufferBytes or BufferGroups
   */
  ring(options: GroupOptions): ProvidedBufferRing {
    const { count, bufferBytes, hugePages = false } = options;
    const bytes = ProvidedBufferRing.bytesNeeded(count, bufferBytes);
    const group = this.#takeGroup(options.group);
    try {
      const giveBack = this.#take(count, bytes);
      try {
        const ring = new ProvidedBufferRing(this.#arena(bytes, hugePages), this.#registrar, {
          group,
          entries: count,
          bufferBytes,
          onRefill: () => this.#refilled(group),
        });
        this.#rings.set(group, ring);
        return ring;
      } catch (error) {
        giveBack();
        throw error;
      }
    } catch (error) {
      this.#giveGroup(group);
      throw error;
    }
  }

  /**
   * A group for the classic ProvideBuffers and RemoveBuffers operations, which the caller submits.
   * @throws AtCapacity for Buffers, BufferBytes or BufferGroups
   */
  classicGroup(options: GroupOptions): ClassicBufferGroup {
    const { count, bufferBytes, hugePages = false } = options;
    const bytes = poolBytes(count, bufferBytes);
    const group = this.#takeGroup(options.group);
    try {
      const giveBack = this.#take(count, bytes);
      try {
        return new ClassicBufferGroup(this.#arena(bytes, hugePages), { group, count, bufferBytes });
      } catch (error) {
        giveBack();
        throw error;
      }
    } catch (error) {
      this.#giveGroup(group);
      throw error;
    }
  }

  /**
   * A 32-bit word in kernel-visible memory of this thread. For a word that Workers share, make a FutexWord over a
   * SharedArrayBuffer.
   * @throws AtCapacity for Futexes
   */
  futex(): FutexWord {
    this.#ledger.take('Futexes');
    try {
      this.#futexArena ??= this.#arena(this.#ledger.limit('Futexes') * 64 + 4096, false);
      return FutexWord.inArena(this.#futexArena);
    } catch (error) {
      this.#ledger.give('Futexes');
      throw error;
    }
  }

  /**
   * One piece of kernel memory, for a single operation or a few in turn. Released memory is not handed out again: for many buffers make a
   * {@link pool}.
   * @throws AtCapacity for Buffers or BufferBytes
   */
  allocate(byteLength: number): Lease {
    return this.pool({ count: 1, bufferBytes: byteLength }).take();
  }

  /** The provided-buffer ring of a group, if it was made here. */
  ringOf(group: number): ProvidedBufferRing | undefined {
    return this.#rings.get(group);
  }

  /**
   * A lease of what a receive brought: of the buffer its completion named. Releasing the lease gives the buffer to the kernel again.
   *
   * @param operation the receive, for its buffer group
   * @throws BearerError `NO_BUFFER` when the result names no buffer (the stream ended), or the group is no ring made here
   *
   * @example
   * ```ts
   * import { UringBearer } from '@ringbearer/io-uring-bearer';
   * import { AddressFamily, RecvMulti, Send, Socket, SocketType, Bind, Close } from '@ringbearer/io-uring-opcode';
   *
   * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
   * const socket = await bearer.submit(new Socket({ family: AddressFamily.UNIX, type: SocketType.DGRAM }));
   * const address = { family: 'Unix', path: `\0ringbearer-lease-${process.pid}` } as const;
   * await bearer.submit(new Bind({ socket, address }));
   * await bearer.submit(new Send({ socket, data: Buffer.from('hello'), destination: address }));
   * const receive = new RecvMulti({ socket, group: bearer.buffers.ring({ count: 4, bufferBytes: 512 }).group });
   * for await (const received of bearer.stream(receive)) {
   *   const lease = bearer.buffers.lease(receive, received);
   *   console.log(lease.toString()); // hello
   *   lease.release();
   *   break;
   * }
   * await bearer.submit(new Close({ descriptor: socket }));
   * await bearer.close();
   * ```
   */
  lease(operation: { readonly bufferGroup: number }, received: Received): Lease {
    const ring = this.#rings.get(operation.bufferGroup);
    if (ring === undefined || received.bufferId < 0) {
      throw new BearerError(
        'NO_BUFFER',
        ring === undefined
          ? `Cannot lease a buffer of group ${operation.bufferGroup} as it is no ring of this bearer: make it with bearer.buffers.ring()`
          : 'Cannot lease the buffer of a result that has none: its length is 0',
      );
    }
    return ring.lease(received.bufferId, received.length);
  }

  /** A stream's completion named a buffer: it counts as outside from now on. Only the bearer calls this. */
  picked(group: number, bid: number): void {
    this.#rings.get(group)?.pick(bid);
  }

  /** A stream gives back a buffer that nobody saw. Only the bearer calls this. */
  giveBack(group: number, bid: number): void {
    const ring = this.#rings.get(group);
    if (ring === undefined) return;
    ring.recycle(bid);
    ring.publish();
  }

  /**
   * Calls back once the ring of `group` has buffers for the kernel: at the next turn when it should have some now. Of other groups
   * nobody tells, so they are tried again after a while, as is a ring that had none although it should. Only the bearer calls this.
   */
  whenRefilled(group: number, failures: number, resume: () => void): () => void {
    const ring = this.#rings.get(group);
    ring?.noteEnobufs();
    if (ring === undefined || ring.available > 0) {
      if (failures === 0 && ring !== undefined) {
        const immediate = setImmediate(resume);
        return () => clearImmediate(immediate);
      }
      const delay = Math.min(2 ** failures, RETRY_MS_MAX);
      const timer = setTimeout(resume, delay);
      return () => clearTimeout(timer);
    }
    const waiters = this.#waiters.get(group) ?? new Set();
    this.#waiters.set(group, waiters);
    waiters.add(resume);
    return () => waiters.delete(resume);
  }

  /** Unregisters every ring and forgets all memory. Only the bearer calls this, once nothing is in flight. */
  close(): void {
    for (const ring of [...this.#rings.values()]) ring.unregister();
    this.#waiters.clear();
  }

  #refilled(group: number): void {
    const waiters = this.#waiters.get(group);
    if (waiters === undefined || waiters.size === 0) return;
    const resumed = [...waiters];
    waiters.clear();
    for (const resume of resumed) resume();
  }

  #arena(bytes: number, hugePages: boolean): Arena {
    return new Arena(this.#source, bytes, { hugePages: hugePages ? 'try' : 'never' });
  }

  #map(byteLength: number, tryHugePages: boolean): Mapping {
    const { buffer, addressLow, addressHigh, pageKind } = this.#raw.map(byteLength, tryHugePages);
    return {
      bytes: new Uint8Array(buffer),
      addressLow,
      addressHigh,
      pageKind,
      // The ring holds its memory until it closes: a request that is still in flight may name it.
      release: () => {},
    };
  }

  #take(count: number, bytes: number): () => void {
    this.#ledger.take('Buffers', count);
    try {
      this.#ledger.take('BufferBytes', bytes);
    } catch (error) {
      this.#ledger.give('Buffers', count);
      throw error;
    }
    return () => {
      this.#ledger.give('Buffers', count);
      this.#ledger.give('BufferBytes', bytes);
    };
  }

  #takeGroup(wanted: number | undefined): number {
    this.#ledger.take('BufferGroups');
    let group = wanted ?? 0;
    if (wanted === undefined) while (this.#groups.has(group)) group++;
    if (this.#groups.has(group)) {
      this.#ledger.give('BufferGroups');
      throw new RangeError(
        `Cannot make buffer group ${group} as it exists: choose another id, or leave it out`,
      );
    }
    this.#groups.add(group);
    return group;
  }

  #giveGroup(group: number): void {
    this.#groups.delete(group);
    this.#ledger.give('BufferGroups');
  }
}

/** @throws RangeError when the sizes are no positive integers */
function poolBytes(count: number, bufferBytes: number): number {
  for (const [name, value] of Object.entries({ count, bufferBytes })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(
        `Cannot make a pool as ${name} must be an integer >= 1: current value is ${value}`,
      );
    }
  }
  return count * bufferBytes;
}

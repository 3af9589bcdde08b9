import {
  type Arena,
  BufferPool,
  type BufferRegistrar,
  ClassicBufferGroup,
  FixedBufferTable,
  type FutexWord,
  type Lease,
  type LeaseRun,
  ProvidedBufferRing,
  SendRing,
} from '@ringbearer/io-uring-buffer';
import { RegisterOp, RingFlag } from '@ringbearer/io-uring-opcode';
import type { RawRing } from '@ringbearer/native/ring';
import type { ArrivalDesk } from './arrival-desk.js';
import type { CapacityLedger } from './capacity.js';
import { BearerError, closedError } from './errors.js';
import { fixedBufferRegistrar } from './fixed-buffer-registration.js';
import { FutexWords } from './futex-words.js';
import { type MappedMemory, MemoryStore } from './memory-store.js';
import { optionsOf } from './options.js';
import type { NamedBuffer, RingOptions, SendRingSizes } from './ring-options.js';

/** The longest wait before a group of which nobody tells when it is refilled is tried again. */
const RETRY_MS_MAX = 64;
/** Tries of a group that nobody made here, some 300 ms, until a warning says so. */
const UNKNOWN_GROUP_TRIES = 8;
const LOCKED_MEMORY =
  'Cannot register a ring of buffers as its entries are locked memory and the limit of this user for that is used up: raise it with "ulimit -l" (LimitMEMLOCK= in systemd), run with CAP_IPC_LOCK, or ask for fewer';
/** The largest `allocate` whose mapping is rounded up to a power of two. */
const ROUNDED_BYTES_MAX = 1 << 20;

/** Sizes of a pool. */
export interface PoolOptions {
  /** Buffers. */
  readonly count: number;
  /** Bytes of each. */
  readonly bufferBytes: number;
  /**
   * Try huge pages: hugetlb, then transparent ones, then small ones. Requests below 2 MiB share one. `pageKind` of the pool or ring says what was
   * granted, `buffers.memory()` why. Default false.
   */
  readonly hugePages?: boolean;
}

/** Sizes of a group of provided buffers. */
export interface GroupOptions extends PoolOptions {
  /** Group id, 0 to 65535. Default: the lowest that is free. */
  readonly group?: number;
}

/**
 * The memory of one bearer: everything here counts against Buffers, BufferBytes, BufferGroups and Futexes. Closing a pool, a ring or a
 * group gives its Buffers and its group back. BufferBytes counts what is mapped, which stays until the bearer closes: the
 * memory of a closed pool or group, and of a released `allocate`, serves the next one that needs no more than it has.
 */
export class BearerBuffers {
  /**
   * The table of registered buffers, bounded by RegisteredBuffers: `fixed.add(lease)`, `fixed.add(pool)`. The kernel hears of it
   * when the first buffer comes.
   *
   * What it throws beside its own errors: AtCapacity; BearerError `LOCKED_MEMORY` where RLIMIT_MEMLOCK is used up, and
   * `UNSUPPORTED_REGISTRATION` on a kernel before 5.19, for clones before 6.13.
   */
  readonly fixed: FixedBufferTable;
  readonly #ledger: CapacityLedger;
  readonly #rings = new Map<number, ProvidedBufferRing>();
  readonly #sendRings = new Map<number, SendRing>();
  readonly #groups = new Set<number>();
  readonly #waiters = new Map<number, Set<() => void>>();
  readonly #arrivals: ArrivalDesk;
  readonly #store: MemoryStore;
  readonly #registrar: BufferRegistrar;
  readonly #words: FutexWords;
  #open = true;

  /** @internal Only the bearer makes one. */
  constructor(raw: RawRing, ledger: CapacityLedger, arrivals: ArrivalDesk) {
    this.#ledger = ledger;
    this.#arrivals = arrivals;
    this.#store = new MemoryStore(raw, ledger);
    this.fixed = new FixedBufferTable(fixedBufferRegistrar(raw), {
      capacity: ledger.limit('RegisteredBuffers'),
      onSlots: (slots) => {
        if (slots > 0) ledger.take('RegisteredBuffers', slots);
        else ledger.give('RegisteredBuffers', -slots);
      },
    });
    this.#words = new FutexWords(this.#store, ledger);
    this.#registrar = {
      registerBufferRing: ({ group, entries, ring, incremental, arrivals: port }) => {
        const flags = incremental ? RingFlag.PBUF_RING_INC : 0;
        try {
          raw.registerBufferRing(group, entries, ring.addressLow, ring.addressHigh, flags);
        } catch (cause) {
          const { code } = cause as NodeJS.ErrnoException;
          if (incremental && code === 'EINVAL') return false;
          if (code === 'ENOMEM') throw new BearerError('LOCKED_MEMORY', LOCKED_MEMORY, { cause });
          throw cause;
        }
        this.#arrivals.connect(group, port);
        return true;
      },
      bufferRingHead: (group) => {
        const status = new Uint32Array(10); // struct io_uring_buf_status: group, head, reserved
        status[0] = group;
        raw.register(RegisterOp.REGISTER_PBUF_STATUS, status, 1);
        return status[1]! & 0xffff;
      },
      assertUnused: (group) => arrivals.assertUnused(group),
      unregisterBufferRing: (group) => {
        const ring = this.#rings.get(group) ?? this.#sendRings.get(group);
        if (ring !== undefined) {
          this.#rings.delete(group);
          this.#sendRings.delete(group);
          this.#giveGroup(group);
          this.#ledger.give('Buffers', ring.count);
        }
        arrivals.disconnect(group);
        raw.unregisterBufferRing(group);
      },
    };
  }

  /**
   * A pool of equal buffers, for sends and single receives. Its `close` gives Buffers back; its memory is used again, and stays counted
   * in BufferBytes.
   * @throws AtCapacity for Buffers or BufferBytes
   */
  pool(options: PoolOptions): BufferPool {
    const { count, bufferBytes, hugePages = false } = optionsOf('make a pool', options);
    const bytes = poolBytes(count, bufferBytes);
    const arenaOf = () => this.#store.arena(bytes, hugePages);
    return this.#counted(count, arenaOf, (arena) => {
      return new BufferPool(arena, {
        count,
        bufferBytes,
        onClose: () => this.#closed(arena, count),
      });
    });
  }

  /**
   * A registered ring of provided buffers (kernel 5.19): the kernel picks one for each receive. All connections of a
   * ring can share it, so memory follows activity. Its `unregister` gives Buffers and the group back; its memory is not used again, as a
   * receive in flight may have chosen a buffer, and stays counted in BufferBytes: make rings once.
   * @throws AtCapacity for Buffers, BufferBytes or BufferGroups; BearerError `LOCKED_MEMORY` where its entries do not fit
   */
  ring(options: RingOptions): ProvidedBufferRing {
    const { count, bufferBytes, incremental, replenish } = optionsOf('make a ring', options);
    poolBytes(count, bufferBytes, 'ring');
    const bytes = ProvidedBufferRing.bytesNeeded(count, bufferBytes);
    return this.#grouped(options, bytes, (arena, group) => {
      const ring = new ProvidedBufferRing(arena, this.#registrar, {
        group,
        count,
        bufferBytes,
        ...(incremental === undefined ? {} : { incremental }),
        ...(replenish === undefined ? {} : { replenish }),
        onRefill: () => this.#refilled(group),
      });
      this.#rings.set(group, ring);
      return ring;
    });
  }

  /**
   * A queue of bytes that `SendGroup` drains (kernel 6.10): one for each connection. Its `close` gives Buffers and the group back; its
   * memory stays counted in BufferBytes.
   * @throws AtCapacity for Buffers, BufferBytes or BufferGroups
   */
  sendRing(options: SendRingSizes): SendRing {
    const { count, bufferBytes, onRoom } = optionsOf('make a send ring', options);
    poolBytes(count, bufferBytes, 'send ring');
    const bytes = SendRing.bytesNeeded(count, bufferBytes);
    return this.#grouped(options, bytes, (arena, group) => {
      const ring = new SendRing(arena, this.#registrar, {
        group,
        count,
        bufferBytes,
        ...(onRoom === undefined ? {} : { onRoom }),
      });
      this.#sendRings.set(group, ring);
      return ring;
    });
  }

  /**
   * A group for the classic ProvideBuffers and RemoveBuffers operations, which the caller submits. Its `close` gives Buffers and
   * the group back; its memory is used again, and stays counted in BufferBytes.
   * @throws AtCapacity for Buffers, BufferBytes or BufferGroups
   */
  classicGroup(options: GroupOptions): ClassicBufferGroup {
    const { count, bufferBytes } = optionsOf('make a group', options);
    return this.#grouped(options, poolBytes(count, bufferBytes, 'group'), (arena, group) => {
      return new ClassicBufferGroup(arena, {
        group,
        count,
        bufferBytes,
        connect: (port) => this.#arrivals.connect(group, port),
        assertUnused: () => this.#arrivals.assertUnused(group),
        onClose: () => {
          this.#arrivals.disconnect(group);
          this.#closed(arena, count);
          this.#giveGroup(group);
        },
      });
    });
  }

  /**
   * A 32-bit word in kernel-visible memory of this thread, for futex operations; 0 at first. Releasing it gives its one of Futexes back.
   * `bearer.futex()` is the form with `wait` and `wake`.
   * @throws AtCapacity for Futexes
   */
  futex(): FutexWord {
    return this.#words.make();
  }

  /**
   * A word that Workers share: `words[index]`, on a SharedArrayBuffer, which stays while the word or an operation on it does. Each
   * thread makes its own. Releasing it gives its one of Futexes back and leaves the memory as it is. `bearer.futex(words, index)`
   * is the form with `wait` and `wake`.
   * @throws AtCapacity for Futexes; TypeError when `words` is no Int32Array on a SharedArrayBuffer; RangeError for an index outside of it
   */
  sharedFutex(words: Int32Array, index: number): FutexWord {
    return this.#words.over(words, index);
  }

  /**
   * One piece of kernel memory, zeroed, for a single operation or a few in turn. Releasing it gives its one of Buffers back; its bytes
   * stay counted in BufferBytes, and serve the next that is no larger. For many buffers of one size a {@link pool} is cheaper.
   * @throws AtCapacity for Buffers or BufferBytes
   */
  allocate(byteLength: number): Lease {
    const bytes = poolBytes(1, byteLength);
    // In powers of two, so that what was released serves others. Pages nobody wrote cost nothing.
    const mapped = bytes > ROUNDED_BYTES_MAX ? bytes : 2 ** Math.ceil(Math.log2(bytes));
    const arenaOf = () => this.#store.arena(bytes, false, mapped);
    return this.#counted(1, arenaOf, (arena) => {
      const pool: BufferPool = new BufferPool(arena, {
        count: 1,
        bufferBytes: bytes,
        onRelease: () => pool.close(),
        onClose: () => this.#closed(arena, 1),
      });
      return pool.take();
    });
  }

  /** The provided-buffer ring of a group, if it was made here. */
  ringOf(group: number): ProvidedBufferRing | undefined {
    return this.#rings.get(group);
  }

  /**
   * A lease of what a receive brought: of the buffer, or the piece of one, that its completion named. Releasing the lease gives the buffer to the kernel again.
   *
   * @param operation the receive, for its buffer group
   * @throws BearerError `NO_BUFFER` when the result names no buffer (the stream ended), or the group is no ring made here;
   *   `BEARER_CLOSED`: the buffers went with the bearer
   * @throws BufferError `BUFFER_NOT_LENT` when no completion has named that buffer, or it is on lease or back already
   * @throws RangeError when the result is a bundle in several buffers: use {@link leaseRun}
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
  lease(operation: { readonly bufferGroup: number }, result: NamedBuffer): Lease {
    const ring = this.#named(operation, result);
    return ring.lease(result.bufferId, result.length, result.bufferOffset);
  }

  /**
   * Leases of all that a receive with `bundle` brought: one for each buffer of the run that its completion named. For a
   * result in one buffer it is a run of one.
   *
   * @throws BearerError as {@link lease}
   */
  leaseRun(operation: { readonly bufferGroup: number }, result: NamedBuffer): LeaseRun {
    return this.#named(operation, result).leaseRun(result.bufferId, result.bufferOffset);
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
      // The kernel says the same of a group that is empty and of one that does not exist, and whoever provides buffers by himself may yet.
      if (failures === UNKNOWN_GROUP_TRIES && !this.#groups.has(group)) {
        process.emitWarning(
          `A stream waits for buffers of group ${group}, which was not made with this bearer's buffers, or is gone`,
          { code: 'RINGBEARER_UNKNOWN_GROUP' },
        );
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

  /**
   * What the memory of pools, rings and groups is made of, mapping by mapping, with the reason where huge pages were asked for and not had.
   * madvise(2), hugetlb(7).
   */
  memory(): MappedMemory[] {
    return this.#store.report();
  }

  /** Unregisters every ring and registered buffer, and forgets all memory. Only the bearer calls this, once nothing is in flight. */
  close(): void {
    this.#open = false;
    for (const ring of [...this.#rings.values()]) ring.unregister();
    this.fixed.close();
    for (const ring of [...this.#sendRings.values()]) ring.close();
    this.#waiters.clear();
    this.#store.close();
  }

  #refilled(group: number): void {
    const waiters = this.#waiters.get(group);
    if (waiters === undefined || waiters.size === 0) return;
    const resumed = [...waiters];
    waiters.clear();
    for (const resume of resumed) resume();
  }

  #named(operation: { readonly bufferGroup: number }, result: NamedBuffer): ProvidedBufferRing {
    // A result may reach its consumer when the close that came behind it is over.
    if (!this.#open) throw closedError('lease a buffer');
    const ring = this.#rings.get(operation.bufferGroup);
    if (ring === undefined || result.bufferId < 0) {
      throw new BearerError(
        'NO_BUFFER',
        ring === undefined
          ? `Cannot lease a buffer of group ${operation.bufferGroup} as it is no ring of this bearer: make it with bearer.buffers.ring()`
          : 'Cannot lease the buffer of a result that has none: its length is 0',
      );
    }
    return ring;
  }

  /** Makes something of `count` buffers that has a group id. */
  #grouped<Made>(
    options: GroupOptions,
    bytes: number,
    make: (arena: Arena, group: number) => Made,
  ): Made {
    const group = this.#takeGroup(options.group);
    try {
      const arenaOf = () => this.#store.arena(bytes, options.hugePages ?? false);
      return this.#counted(options.count, arenaOf, (arena) => make(arena, group));
    } catch (error) {
      this.#giveGroup(group);
      throw error;
    }
  }

  /** Makes something of `count` buffers. */
  #counted<Made>(count: number, arenaOf: () => Arena, make: (arena: Arena) => Made): Made {
    this.#ledger.take('Buffers', count);
    try {
      const arena = arenaOf();
      try {
        return make(arena);
      } catch (error) {
        arena.close(); // The kernel never saw it.
        throw error;
      }
    } catch (error) {
      this.#ledger.give('Buffers', count);
      throw error;
    }
  }

  /** Nobody uses `arena` any more. */
  #closed(arena: Arena, count: number): void {
    this.#ledger.give('Buffers', count);
    arena.close();
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
function poolBytes(count: number, bufferBytes: number, noun = 'pool'): number {
  for (const [name, value] of Object.entries({ count, bufferBytes })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(
        `Cannot make a ${noun} as ${name} must be an integer >= 1: current value is ${value}`,
      );
    }
  }
  return count * bufferBytes;
}

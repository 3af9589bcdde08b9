import type { Arena } from './arena.js';
import type { BufferRegistrar } from './buffer-registrar.js';
import { RingEntries } from './ring-entries.js';

/** Sizes of a {@link SendRing}, fixed for life. */
export interface SendRingOptions {
  /** Group id, 0 to 65535. */
  readonly group: number;
  /** Buffers: a power of two, at most {@link BUFFER_RING_ENTRIES_MAX}. */
  readonly count: number;
  /** Bytes of each, 1 to {@link PROVIDED_BUFFER_BYTES_MAX}. */
  readonly bufferBytes: number;
  /** Called after a completion that gave room back. */
  readonly onRoom?: () => void;
}

/**
 * A queue of bytes to send, in a buffer ring that the kernel drains in order (kernel 6.10, io_uring_prep_send_bundle(3)): what is written
 * while a send is in flight goes out with it, or with the next. One ring for each connection, and one `SendGroup`
 * at a time: two would mix their bytes.
 *
 * Its bytes cannot be reached once they are written: they are the kernel's.
 *
 * A send that fails leaves the queue with what it had not sent; a stream socket is of no use then, so close both.
 *
 * @example
 * ```ts
 * import { connect } from 'node:net';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Accept, Close, SendGroup } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 16 });
 * if (bearer.probe().features.includes('RECVSEND_BUNDLE')) {
 *   const listener = bearer.listen({ address: '127.0.0.1' });
 *   const client = connect(Number(listener.address.port), '127.0.0.1');
 *   const { descriptor: socket } = await bearer.submit(new Accept({ listener: listener.descriptor }));
 *   const queue = bearer.buffers.sendRing({ count: 4, bufferBytes: 1024 });
 *   queue.write(Buffer.from('one '));
 *   queue.write(Buffer.from('two'));
 *   queue.publish();
 *   for await (const { length } of bearer.stream(
 *     new SendGroup({ socket, group: queue.group, bundle: true }),
 *   )) {
 *     console.log(length, queue.queued); // 7 0
 *     if (queue.queued === 0) break;
 *   }
 *   client.destroy();
 *   await bearer.submit(new Close({ descriptor: socket }));
 * }
 * await bearer.close();
 * ```
 */
export class SendRing {
  /** Arena bytes a ring of this size takes at most, alignment included. */
  static bytesNeeded(count: number, bufferBytes: number): number {
    return RingEntries.bytesNeeded(count, bufferBytes);
  }

  readonly #group: number;
  readonly #count: number;
  readonly #bufferBytes: number;
  readonly #registrar: BufferRegistrar;
  readonly #entries: RingEntries;
  /** Bytes of each buffer that the kernel has, 0 of the others. */
  readonly #lengths: Uint32Array;
  readonly #free: Uint32Array;
  readonly #onRoom: (() => void) | undefined;
  #freeCount: number;
  /** The buffer that is being written, or -1, and its bytes so far. */
  #writing = -1;
  #written = 0;
  #queued = 0;
  #sent = 0;
  #open = true;

  /**
   * Cuts ring and buffers off `arena` and registers the ring, empty.
   * @throws {RangeError} sizes out of range, or a count that is no power of two
   * @throws {BufferError} AT_CAPACITY (kind BufferBytes)
   */
  constructor(arena: Arena, registrar: BufferRegistrar, options: SendRingOptions) {
    const { group, count, bufferBytes, onRoom } = options;
    const entries = new RingEntries(arena, group, count, bufferBytes);
    this.#group = group;
    this.#count = count;
    this.#bufferBytes = bufferBytes;
    this.#registrar = registrar;
    this.#entries = entries;
    this.#lengths = new Uint32Array(count);
    this.#free = Uint32Array.from({ length: count }, (_, i) => count - 1 - i);
    this.#freeCount = count;
    this.#onRoom = onRoom;
    try {
      registrar.registerBufferRing({
        group,
        entries: count,
        ring: entries.ring,
        incremental: false,
        arrivals: {
          incremental: false,
          arrived: (bid, length) => {
            this.#left(bid, length);
            this.#sent += length;
            this.#onRoom?.();
            return 0;
          },
          // A send that failed after the kernel took the buffer: its bytes are lost with the connection.
          unused: (bid) => this.#left(bid, 1),
          giveBack: () => {},
        },
      });
    } catch (error) {
      entries.vacate();
      throw error;
    }
  }

  /** Group id: what `SendGroup` names. */
  get group(): number {
    return this.#group;
  }
  /** Buffers there are. */
  get count(): number {
    return this.#count;
  }
  /** Bytes of each. */
  get bufferBytes(): number {
    return this.#bufferBytes;
  }

  /** Bytes written and not yet sent, as far as completions read so far tell. */
  get queued(): number {
    return this.#queued;
  }
  /** Bytes sent since the ring was made. */
  get sent(): number {
    return this.#sent;
  }
  /** Bytes that {@link write} takes now. */
  get room(): number {
    const partly = this.#writing < 0 ? 0 : this.#bufferBytes - this.#written;
    return this.#freeCount * this.#bufferBytes + partly;
  }

  /**
   * Copies bytes to the end of the queue, as many as there is room for. The kernel sees them after {@link publish}; small writes before
   * it share a buffer.
   * @returns bytes taken: fewer than given is back-pressure, `onRoom` says when to go on; 0 when closed
   * @throws {TypeError} no Uint8Array
   */
  write(bytes: Uint8Array): number {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot write to a send ring as bytes must be a Uint8Array: current value is ${bytes}`,
      );
    }
    const total = this.#open ? Math.min(bytes.length, this.room) : 0;
    let taken = 0;
    while (taken < total) {
      if (this.#writing < 0) {
        this.#freeCount -= 1;
        this.#writing = this.#free[this.#freeCount]!;
      }
      const part = Math.min(total - taken, this.#bufferBytes - this.#written);
      const at = this.#entries.unsafe.offset(this.#writing) + this.#written;
      this.#entries.unsafe.bytes.set(bytes.subarray(taken, taken + part), at);
      this.#written += part;
      taken += part;
      if (this.#written === this.#bufferBytes) this.#seal();
    }
    this.#queued += taken;
    return taken;
  }

  /** Shows the kernel all that was written. A send in flight may take it at once; with none, submit one. */
  publish(): void {
    if (!this.#open) return;
    if (this.#writing >= 0) this.#seal();
    this.#entries.publish();
  }

  /**
   * Takes the ring from the kernel and forgets what it had not sent. Again: nothing happens.
   * @throws {BufferError} BUFFER_IN_USE while a send uses the group: cancel it, and wait for its completion
   */
  close(): void {
    if (!this.#open) return;
    this.#registrar.assertUnused?.(this.#group);
    this.#open = false;
    this.#queued = 0;
    this.#freeCount = 0;
    this.#writing = -1;
    this.#registrar.unregisterBufferRing(this.#group);
    this.#entries.vacate();
  }

  /** As {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #seal(): void {
    const bid = this.#writing;
    this.#lengths[bid] = this.#written;
    this.#entries.append(bid, this.#written);
    this.#writing = -1;
    this.#written = 0;
  }

  /** The kernel sent `length` bytes, from buffer `first` on. A buffer of which it sent a part is used up: it does not come back to it. */
  #left(first: number, length: number): void {
    let position = this.#entries.positionOf(first);
    let bid = first;
    for (let left = length; left > 0; ) {
      const bytes = this.#lengths[bid]!;
      if (bytes === 0) break;
      left -= bytes;
      this.#queued -= bytes;
      this.#lengths[bid] = 0;
      this.#free[this.#freeCount] = bid;
      this.#freeCount += 1;
      position = (position + 1) & 0xffff;
      bid = this.#entries.bidAt(position);
    }
  }
}

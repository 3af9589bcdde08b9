import type { Lease } from './lease.js';

/**
 * What one completion of a bundle brought: leases of neighbouring buffers of a ring, in the order of the bytes. The buffers are full but
 * the last; their ids need not follow each other.
 *
 * The leases may be released one by one, or together. Reading the run needs all of them.
 *
 * @example
 * ```ts
 * import { connect } from 'node:net';
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Accept, Close, Recv } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 16 });
 * if (bearer.probe().features.includes('RECVSEND_BUNDLE')) {
 *   const listener = bearer.listen({ address: '127.0.0.1' });
 *   connect(Number(listener.address.port), '127.0.0.1').end('four bytes each time');
 *   const { descriptor: socket } = await bearer.submit(new Accept({ listener: listener.descriptor }));
 *   const ring = bearer.buffers.ring({ count: 8, bufferBytes: 4 });
 *   const receive = new Recv({ socket, group: ring.group, bundle: true });
 *   const run = bearer.buffers.leaseRun(receive, await bearer.submit(receive));
 *   console.log(run.leases.length, run.toString()); // 5 four bytes each time
 *   run.release();
 *   await bearer.submit(new Close({ descriptor: socket }));
 * }
 * await bearer.close();
 * ```
 */
export class LeaseRun implements Iterable<Lease> {
  /** One lease for each buffer, at least one. */
  readonly leases: readonly Lease[];
  /** Bytes of all of them. */
  readonly length: number;

  /** Rings make runs. */
  constructor(leases: readonly Lease[]) {
    this.leases = leases;
    this.length = leases.reduce((sum, lease) => sum + lease.length, 0);
  }

  /** The leases, in the order of the bytes. */
  [Symbol.iterator](): Iterator<Lease> {
    return this.leases[Symbol.iterator]();
  }

  /** Copies all bytes to `target`, from `targetOffset` on. @throws {RangeError} when they do not fit */
  copyTo(target: Uint8Array, targetOffset = 0): void {
    let at = targetOffset;
    for (const lease of this.leases) {
      lease.copyTo(target, at);
      at += lease.length;
    }
  }

  /** A copy of the bytes that is the caller's for good. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    this.copyTo(bytes);
    return bytes;
  }

  /** All bytes as text. */
  toString(encoding: BufferEncoding = 'utf8'): string {
    return Buffer.from(this.toBytes().buffer).toString(encoding);
  }

  /**
   * Releases every lease that is still held.
   * @throws {OwnerError} OWNER_KERNEL while an operation has one; the others are released
   */
  release(): void {
    let failure: unknown;
    for (const lease of this.leases) {
      try {
        lease.release();
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  /** As {@link release}. */
  [Symbol.dispose](): void {
    this.release();
  }
}

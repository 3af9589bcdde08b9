import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Arena,
  BufferError,
  type BufferRegistrar,
  type BufferRingRegistration,
  HeapMemory,
  type Lease,
  ProvidedBufferRing,
} from './index.js';

/** The kernel's side of the ring, after io_ring_buffer_select of io_uring/kbuf.c. */
class Kernel implements BufferRegistrar {
  registration: BufferRingRegistration | null = null;
  failing = false;
  #head = 0;

  registerBufferRing(registration: BufferRingRegistration): boolean {
    if (this.failing) throw new Error('EEXIST');
    expect(registration.ring.addressLow % 4096).toBe(0);
    if (registration.incremental) return false; // an old kernel
    this.registration = registration;
    return true;
  }
  /** A completion names a buffer: what the bearer does with it. */
  arrived(bid: number, length = 1): void {
    this.registration!.arrivals.arrived(bid, length, false);
  }
  unregisterBufferRing(group: number): void {
    expect(group).toBe(this.registration?.group);
    this.registration = null;
  }
  get tail(): number {
    return this.#view.getUint16(14, true);
  }
  get filled(): number {
    return (this.tail - this.#head) & 0xffff;
  }
  /** Every entry the kernel may pick from now on. */
  entries(): { address: bigint; length: number; bid: number }[] {
    return Array.from({ length: this.filled }, (_, i) => ({
      address: this.#view.getBigUint64(this.#entry(i), true),
      length: this.#view.getUint32(this.#entry(i) + 8, true),
      bid: this.#view.getUint16(this.#entry(i) + 12, true),
    }));
  }
  /** Picks a buffer, or -1: ENOBUFS. */
  pick(): number {
    if (this.filled === 0) return -1;
    const bid = this.#view.getUint16(this.#entry(0) + 12, true);
    this.#head = (this.#head + 1) & 0xffff;
    return bid;
  }
  #entry(i: number): number {
    return ((this.#head + i) & (this.registration!.entries - 1)) * 16;
  }
  get #view(): DataView {
    const { buffer, byteOffset, byteLength } = this.registration!.ring.bytes;
    return new DataView(buffer, byteOffset, byteLength);
  }
}

function make(entries: number, bufferBytes: number, addressLow = 0) {
  const kernel = new Kernel();
  const memory = new HeapMemory({ addressLow, addressHigh: 5 });
  const arena = new Arena(memory, ProvidedBufferRing.bytesNeeded(entries, bufferBytes));
  const ring = new ProvidedBufferRing(arena, kernel, { group: 3, count: entries, bufferBytes });
  return { kernel, arena, ring };
}

function code(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(BufferError);
    return (error as BufferError).code;
  }
  return 'no error';
}

describe('new ProvidedBufferRing()', () => {
  test.each([
    [1, 1],
    [8, 100],
    [256, 4096],
    [32_768, 3],
  ])('gives the kernel %i buffers of %i bytes, each with its address', (entries, bufferBytes) => {
    const { kernel, ring } = make(entries, bufferBytes, 0xffff_d000);
    const base = BigInt(ring.unsafe.addressHigh) * 2n ** 32n + BigInt(ring.unsafe.addressLow);
    expect(kernel.tail).toBe(entries);
    kernel.entries().forEach(({ address, length, bid }, i) => {
      if (bid !== i || length !== bufferBytes || address !== base + BigInt(i * bufferBytes)) {
        expect.fail(`entry ${i} is wrong`);
      }
    });
    expect(kernel.entries()).toHaveLength(entries);
    expect(ring).toMatchObject({ available: entries, outstanding: 0, unpublished: 0, enobufs: 0 });
  });

  test.each([
    { group: 0, count: 3, bufferBytes: 1 },
    { group: 0, count: 0, bufferBytes: 1 },
    { group: 0, count: 65_536, bufferBytes: 1 },
    { group: 0, count: 4, bufferBytes: 0 },
    { group: 0, count: 4, bufferBytes: 2 ** 31 },
    { group: -1, count: 4, bufferBytes: 1 },
    { group: 65_536, count: 4, bufferBytes: 1 },
  ])('refuses %j and reserves nothing', (options) => {
    const arena = new Arena(new HeapMemory(), 4096);
    expect(() => new ProvidedBufferRing(arena, new Kernel(), options)).toThrow(RangeError);
    expect(arena.used).toBe(0);
  });

  test('leaves no tenant behind when memory or registration fails', () => {
    const kernel = new Kernel();
    const options = { group: 0, count: 4, bufferBytes: 4096 };
    const small = new Arena(new HeapMemory(), 8192);
    expect(code(() => new ProvidedBufferRing(small, kernel, options))).toBe('AT_CAPACITY');
    small.close();
    kernel.failing = true;
    const arena = new Arena(new HeapMemory(), ProvidedBufferRing.bytesNeeded(4, 4096));
    expect(() => new ProvidedBufferRing(arena, kernel, options)).toThrow('EEXIST');
    arena.close();
  });
});

describe('ProvidedBufferRing', () => {
  test('recycle() is seen by the kernel after publish()', () => {
    const { kernel, ring } = make(4, 64);
    const bids = [kernel.pick(), kernel.pick()];
    for (const bid of bids) kernel.arrived(bid);
    expect(ring).toMatchObject({ outstanding: 2, available: 2 });
    for (const bid of bids) ring.recycle(bid);
    expect(ring).toMatchObject({ outstanding: 0, unpublished: 2, available: 2 });
    expect(kernel.filled).toBe(2);
    ring.publish();
    expect(ring).toMatchObject({ unpublished: 0, available: 4 });
    expect(kernel.filled).toBe(4);
  });

  test('unsafe.offset() is where the bytes of a buffer start', () => {
    const { kernel, ring } = make(4, 100);
    kernel.arrived(3, 4);
    expect(ring.unsafe.offset(3)).toBe(300);
    ring.unsafe.bytes.set(Buffer.from('data'), ring.unsafe.offset(3));
    expect(ring.lease(3, 4).toString()).toBe('data');
  });

  test('refuses ids that no completion named, to bring back a buffer twice, and ids it does not have', () => {
    const { kernel, ring } = make(4, 64);
    const uses = (bid: number) => [
      () => ring.recycle(bid),
      () => ring.lease(bid, 1),
      () => ring.leaseRun(bid),
      () => ring.recycleRun(bid),
      () => ring.next(bid),
      () => ring.lengthOf(bid),
    ];
    for (const bid of [0, 4, -1, 0.5, Number.NaN]) {
      for (const use of uses(bid)) expect(code(use)).toBe('BUFFER_NOT_LENT');
    }
    kernel.arrived(0, 10);
    expect(ring.outstanding).toBe(1);
    expect(() => ring.lease(0, 11)).toThrow(RangeError); // the rest is what the last use left
    expect(code(() => ring.lease(0, 1, 1))).toBe('BUFFER_NOT_LENT');
    ring.recycle(0);
    for (const use of uses(0)) expect(code(use)).toBe('BUFFER_NOT_LENT');
    expect(ring.outstanding).toBe(0);
  });

  test('a completion that names what the kernel does not have changes nothing', () => {
    const { kernel, ring } = make(2, 64);
    kernel.arrived(0, 5);
    const lease = ring.lease(0, 5);
    for (const bid of [0, 2, 65_535]) kernel.arrived(bid, 5);
    kernel.registration!.arrivals.unused(0, false);
    expect(ring).toMatchObject({ outstanding: 1, available: 1 });
    expect(lease.held).toBe(true);
  });

  test('a completion without bytes brings its buffer back at once', () => {
    const { kernel, ring } = make(2, 64);
    const bid = kernel.pick();
    kernel.registration!.arrivals.unused(bid, false);
    expect(ring).toMatchObject({ outstanding: 0, unpublished: 0, available: 2 });
    expect(kernel.filled).toBe(2);
    expect(code(() => ring.lease(bid, 0))).toBe('BUFFER_NOT_LENT');
  });

  test('is not incremental where the kernel refuses', () => {
    const kernel = new Kernel();
    const arena = new Arena(new HeapMemory(), ProvidedBufferRing.bytesNeeded(2, 64));
    const options = { group: 3, count: 2, bufferBytes: 64, incremental: true };
    const ring = new ProvidedBufferRing(arena, kernel, options);
    expect(ring.incremental).toBe(false);
    expect(kernel.registration?.arrivals.incremental).toBe(false);
    kernel.arrived(kernel.pick(), 5);
    expect(ring).toMatchObject({ outstanding: 1, available: 1 });
    expect(ring.lease(0, 5).length).toBe(5);
  });

  test('refuses a replenishing policy that is none', () => {
    const arena = new Arena(new HeapMemory(), 8192);
    const options = { group: 3, count: 2, bufferBytes: 64, replenish: 'never' as 'release' };
    expect(() => new ProvidedBufferRing(arena, new Kernel(), options)).toThrow(TypeError);
    expect(arena.used).toBe(0);
  });

  test('a leased buffer comes back through its lease only', () => {
    const { kernel, ring } = make(4, 64);
    kernel.arrived(2, 10);
    kernel.arrived(1, 64);
    const lease = ring.lease(2, 10);
    expect(lease).toMatchObject({ group: 3, id: 2, offset: 0, length: 10 });
    expect(lease.owner.name).toBe('Returned');
    expect(code(() => ring.recycle(2))).toBe('BUFFER_NOT_LENT');
    expect(code(() => ring.lease(2, 10))).toBe('BUFFER_NOT_LENT');
    lease.release();
    lease.release();
    expect(ring).toMatchObject({ outstanding: 1, unpublished: 0 });
    expect(code(() => lease.toBytes())).toBe('BUFFER_RELEASED');
    expect(() => ring.lease(1, 65)).toThrow(RangeError);
    expect(ring.lease(1, 0).length).toBe(0);
  });

  test('a leased buffer can be sent from, and does not come back meanwhile', () => {
    const { kernel, ring } = make(4, 64);
    kernel.arrived(1, 5);
    const lease = ring.lease(1, 5);
    lease.reuse();
    lease.owner.lend(); // an echo
    expect(() => lease.release()).toThrow('the kernel owns it');
    expect(code(() => ring.unregister())).toBe('BUFFER_IN_USE');
    lease.owner.giveBack();
    lease.release();
    expect(ring.outstanding).toBe(0);
  });

  test('unregister() revokes leases and frees the arena', () => {
    const { kernel, arena, ring } = make(4, 64);
    kernel.arrived(1, 5);
    const lease = ring.lease(1, 5);
    kernel.arrived(0);
    ring.unregister();
    ring[Symbol.dispose]();
    expect(kernel.registration).toBeNull();
    expect(lease.held).toBe(false);
    lease.release();
    expect(code(() => ring.recycle(0))).toBe('BUFFER_NOT_LENT');
    arena.close();
  });

  test('onRefill is called when buffers that came back are published', () => {
    const kernel = new Kernel();
    const arena = new Arena(new HeapMemory(), ProvidedBufferRing.bytesNeeded(2, 64));
    let refills = 0;
    const ring = new ProvidedBufferRing(arena, kernel, {
      group: 3,
      count: 2,
      bufferBytes: 64,
      onRefill: () => {
        refills += 1;
        expect(ring.available).toBe(2);
      },
    });
    expect(refills).toBe(0);
    kernel.arrived(0, 8);
    ring.lease(0, 8).release();
    expect(refills).toBe(1);
    kernel.arrived(1);
    ring.recycle(1);
    expect(refills).toBe(1);
    ring.publish();
    ring.publish();
    expect(refills).toBe(2);
  });

  test('noteEnobufs() counts', () => {
    const { ring } = make(1, 1);
    ring.noteEnobufs();
    expect(ring.enobufs).toBe(1);
  });

  test('no buffer is ever in the ring twice, whatever the interleaving, also where the tail wraps', () => {
    const step = fc.record({
      what: fc.constantFrom('kernel', 'kernel', 'read', 'recycle', 'lease', 'release', 'publish'),
      pick: fc.nat(),
    });
    const setup = fc.record({
      entries: fc.constantFrom(1, 2, 4, 8, 16),
      before: fc.constantFrom(0, 65_500, 65_536, 131_060),
    });
    fc.assert(
      fc.property(setup, fc.array(step, { maxLength: 120 }), ({ entries, before }, steps) => {
        const { kernel, ring } = make(entries, 24, 0xffff_f000);
        const base = BigInt(ring.unsafe.addressHigh) * 2n ** 32n + BigInt(ring.unsafe.addressLow);
        for (let i = 0; i < before; i++) {
          const bid = kernel.pick();
          kernel.arrived(bid);
          ring.recycle(bid);
          ring.publish();
        }
        const completions: { bid: number; mark: string }[] = [];
        const lent: number[] = [];
        const leases: { lease: Lease; mark: string }[] = [];
        let unpublished: number[] = [];
        let serial = 0;
        const drop = <T>(list: T[], pick: number): T | undefined =>
          list.splice(pick % (list.length || 1), 1)[0];
        for (const { what, pick } of steps) {
          if (what === 'kernel') {
            const bid = kernel.pick();
            if (bid >= 0) {
              const mark = `mark ${serial++}`.padEnd(12);
              ring.unsafe.bytes.set(Buffer.from(mark), ring.unsafe.offset(bid));
              completions.push({ bid, mark });
            }
          } else if (what === 'read' || what === 'lease') {
            const completion = completions.shift();
            if (completion === undefined) continue;
            if (what === 'read') {
              kernel.arrived(completion.bid, 12);
              lent.push(completion.bid);
            } else {
              kernel.arrived(completion.bid, 12);
              leases.push({ lease: ring.lease(completion.bid, 12), mark: completion.mark });
            }
          } else if (what === 'recycle') {
            const bid = drop(lent, pick);
            if (bid === undefined) continue;
            ring.recycle(bid);
            unpublished.push(bid);
          } else if (what === 'release') {
            const gone = drop(leases, pick);
            if (gone === undefined) continue;
            gone.lease.release(); // publishes
            unpublished = [];
          } else {
            ring.publish();
            unpublished = [];
          }

          const inRing = kernel.entries();
          for (const { address, length, bid } of inRing) {
            expect(address).toBe(base + BigInt(bid * 24));
            expect(length).toBe(24);
          }
          const everyone = [
            ...inRing.map(({ bid }) => bid),
            ...completions.map(({ bid }) => bid),
            ...lent,
            ...leases.map(({ lease }) => lease.id),
            ...unpublished,
          ];
          expect(everyone.sort((a, b) => a - b)).toEqual(
            Array.from({ length: entries }, (_, i) => i),
          );
          for (const { lease, mark } of leases) expect(lease.toString()).toBe(mark);
          expect(ring.outstanding).toBe(lent.length + leases.length);
          expect(ring.unpublished).toBe(unpublished.length);
          expect(ring.available).toBe(inRing.length + completions.length);
        }
      }),
      { numRuns: 60 },
    );
  });
});

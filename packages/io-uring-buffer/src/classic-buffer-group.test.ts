import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Arena,
  type BufferArrivals,
  BufferError,
  ClassicBufferGroup,
  HeapMemory,
  type Provision,
} from './index.js';

function make(count: number, bufferBytes = 16) {
  const arena = new Arena(
    new HeapMemory({ addressLow: 0xffff_f000, addressHigh: 1 }),
    count * bufferBytes,
  );
  let port!: BufferArrivals;
  const connect = (arrivals: BufferArrivals) => {
    port = arrivals;
  };
  const group = new ClassicBufferGroup(arena, { group: 4, count, bufferBytes, connect });
  /** A completion names a buffer: what the bearer does with it. */
  const arrived = (bid: number) => port.arrived(bid, 4, false);
  return { arena, group, arrived, unused: (bid: number) => port.unused(bid, false) };
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

describe('ClassicBufferGroup', () => {
  test('provision() offers all buffers at once, then runs of neighbours', () => {
    const { group, arrived } = make(6, 1024);
    const all = group.provision()!;
    expect(all).toMatchObject({
      group: 4,
      firstBid: 0,
      count: 6,
      bufferBytes: 1024,
      byteLength: 6144,
    });
    expect(all.unsafe).toMatchObject({ addressLow: 0xffff_f000, addressHigh: 1 });
    expect(group.provision()).toBeNull();
    for (const bid of [1, 5, 4]) {
      arrived(bid);
      group.recycle(bid);
    }
    expect(group.idle).toBe(3);
    expect(group.provision()).toMatchObject({ firstBid: 1, count: 1 });
    const last = group.provision()!;
    expect(last).toMatchObject({ firstBid: 4, count: 2 });
    expect(last.unsafe).toMatchObject({ addressLow: 0, addressHigh: 2 });
    expect(group).toMatchObject({ available: 6, idle: 0, outstanding: 0 });
  });

  test('replenish() says what to submit for one buffer', () => {
    const { group, arrived } = make(4);
    group.provision();
    arrived(2);
    expect(group.replenish(2)).toMatchObject({ firstBid: 2, count: 1, byteLength: 16 });
    expect(code(() => group.replenish(2))).toBe('BUFFER_NOT_LENT');
  });

  test('refused() lets the buffers of a provision wait again', () => {
    const { group, arrived } = make(4);
    const all = group.provision()!;
    group.refused(all);
    expect(group).toMatchObject({ available: 0, idle: 4 });
    arrived(0);
    expect(group.outstanding).toBe(0);
    expect(group.provision()?.count).toBe(4);
  });

  test('lease() is for buffers that a completion named', () => {
    const { group, arrived } = make(4);
    expect(code(() => group.lease(0, 1))).toBe('BUFFER_NOT_LENT');
    group.provision();
    expect(code(() => group.lease(0, 1))).toBe('BUFFER_NOT_LENT'); // the kernel has it
    arrived(0);
    const first = group.lease(0, 1);
    arrived(1);
    const second = group.lease(1, 1);
    expect(group).toMatchObject({ available: 2, outstanding: 2 });
    expect(code(() => group.recycle(0))).toBe('BUFFER_NOT_LENT');
    first.release();
    second.release();
    expect(group.provision()).toMatchObject({ firstBid: 0, count: 2 });
  });

  test('a completion without bytes leaves its buffer to the next provision', () => {
    const { group, unused } = make(2);
    group.provision();
    unused(1);
    unused(1);
    expect(group).toMatchObject({ available: 1, idle: 1, outstanding: 0 });
    expect(group.provision()).toMatchObject({ firstBid: 1, count: 1 });
  });

  test('removal() ends when removed and named buffers account for all', () => {
    const { group, arena, arrived } = make(4);
    expect(group.removal()).toBeNull();
    group.provision();
    expect(code(() => group.close())).toBe('BUFFER_IN_USE');
    expect(group.removal()).toEqual({ group: 4, count: 4 });
    group.removed(3); // the fourth was picked before; its completion is still under way
    expect(code(() => group.provision())).toBe('BUFFER_CLOSED');
    expect(() => group.removed(2)).toThrow(RangeError);
    arrived(2);
    expect(group).toMatchObject({ available: 0, idle: 3, outstanding: 1 });
    group.recycle(2);
    expect(group.provision()?.count).toBe(4); // open again
    group.removal();
    group.removed(4);
    group.close();
    group[Symbol.dispose]();
    arena.close();
    expect(code(() => group.provision())).toBe('BUFFER_CLOSED');
  });

  test('close() waits for provisions and leases in flight', () => {
    const { group, arrived } = make(2);
    const all = group.provision()!;
    all.owner.lend();
    group.refused(all);
    expect(code(() => group.close())).toBe('BUFFER_IN_USE');
    all.owner.giveBack();
    group.provision();
    arrived(0);
    const lease = group.lease(0, 4);
    group.removal();
    group.removed(1);
    lease.reuse();
    lease.owner.lend();
    expect(code(() => group.close())).toBe('BUFFER_IN_USE');
    lease.owner.giveBack();
    group.close();
    expect(lease.held).toBe(false);
  });

  test.each([
    { group: 0, count: 0, bufferBytes: 1 },
    { group: 0, count: 65_536, bufferBytes: 1 },
    { group: 0, count: 1, bufferBytes: 0 },
    { group: 65_536, count: 1, bufferBytes: 1 },
  ])('refuses %j', (options) => {
    expect(() => new ClassicBufferGroup(new Arena(new HeapMemory(), 4096), options)).toThrow(
      RangeError,
    );
  });

  test('agrees with a kernel list through any churn', () => {
    const step = fc.record({
      what: fc.constantFrom('provide', 'refuse', 'receive', 'recycle', 'replenish', 'remove'),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(step, { maxLength: 80 }),
        (count, steps) => {
          const { group, arrived } = make(count);
          const list: number[] = []; // the kernel's
          const lent: number[] = [];
          const accept = (provision: Provision | null) => {
            for (let i = 0; i < (provision?.count ?? 0); i++) {
              expect(list).not.toContain(provision!.firstBid + i);
              expect(lent).not.toContain(provision!.firstBid + i);
              list.push(provision!.firstBid + i);
            }
          };
          for (const { what, pick } of steps) {
            if (what === 'provide') accept(group.provision());
            else if (what === 'refuse') {
              const provision = group.provision();
              if (provision !== null) group.refused(provision);
            } else if (what === 'receive' && list.length > 0) {
              const bid = list.shift()!;
              arrived(bid);
              lent.push(bid);
            } else if (what === 'remove') {
              const removal = group.removal();
              if (removal !== null) group.removed(list.splice(0, removal.count).length);
            } else if (lent.length > 0) {
              const bid = lent.splice(pick % lent.length, 1)[0]!;
              if (what === 'recycle') group.recycle(bid);
              else if (what === 'replenish') accept(group.replenish(bid));
              else lent.push(bid);
            }
            expect(group.available).toBe(list.length);
            expect(group.outstanding).toBe(lent.length);
            expect(group.idle).toBe(count - list.length - lent.length);
          }
        },
      ),
    );
  });
});

import { OwnerError } from '@ringbearer/io-uring-owner';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  Arena,
  BufferPool,
  FIXED_BUFFER_BYTES_MAX,
  type FixedBufferRegistrar,
  FixedBufferTable,
  HeapMemory,
} from './index.js';

/** Stands in for the kernel: what is in the slots, by address. */
class FakeKernel implements FixedBufferRegistrar {
  readonly ring: object = {};
  readonly calls: string[] = [];
  slots: number[] | null = null;
  refusal: Error | null = null;

  registerSparse(count: number): void {
    this.#call(`sparse ${count}`);
    this.slots = new Array(count).fill(0);
  }
  update: FixedBufferRegistrar['update'] = (slot, memory) => {
    this.#call(`update ${slot}`);
    this.slots![slot] = memory === null ? 0 : memory.addressLow + memory.addressHigh * 2 ** 32;
  };
  clone: FixedBufferRegistrar['clone'] = (source, { from, to, count }) => {
    this.#call(`clone ${from} ${to} ${count}`);
    const copied = (source as FakeKernel).slots!.slice(from, from + count);
    this.slots!.splice(to, count, ...copied);
  };
  unregister(): void {
    this.#call('unregister');
    this.slots = null;
  }
  #call(name: string): void {
    if (this.refusal !== null) throw this.refusal;
    this.calls.push(name);
  }
}

let memory: HeapMemory;
let arena: Arena;
let pool: BufferPool;
beforeEach(() => {
  memory = new HeapMemory();
  arena = new Arena(memory, 1 << 20);
  pool = new BufferPool(arena, { count: 8, bufferBytes: 1024 });
});
const code = (expected: string) => expect.objectContaining({ code: expected });
const make = (capacity = 4) => {
  const kernel = new FakeKernel();
  return { kernel, table: new FixedBufferTable(kernel, { capacity }) };
};

describe('add()', () => {
  test('registers the table with the first buffer, and takes the lowest free slot', () => {
    const { kernel, table } = make();
    expect(kernel.calls).toEqual([]);
    const buffers = [table.add(pool.take()), table.add(pool.take()), table.add(pool.take())];
    expect(kernel.calls).toEqual(['sparse 4', 'update 0', 'update 1', 'update 2']);
    expect(buffers.map(({ index }) => index)).toEqual([0, 1, 2]);
    buffers[1]!.remove();
    buffers[0]!.remove();
    expect([table.add(pool.take()).index, table.add(pool.take()).index]).toEqual([0, 1]);
    expect([table.used, table.at(1)?.index, table.at(3), table.at(99)]).toEqual([3, 1, null, null]);
  });

  test('takes a lease, a pool, a range; each knows what is inside', () => {
    const { table } = make();
    const lease = pool.take();
    const range = arena.reserve(100);
    const byLease = table.add(lease);
    const byPool = table.add(pool);
    const byRange = table.add(range);
    expect([byLease.whole, byPool.whole]).toEqual([lease, null]);
    expect(byRange.whole?.owner.name).toBe('Registered');
    expect([byLease, byPool, byRange].map(({ byteLength }) => byteLength)).toEqual([
      1024, 8192, 100,
    ]);
    const other = pool.take();
    expect([byLease.contains(lease), byLease.contains(other)]).toEqual([true, false]);
    expect([byPool.contains(lease), byPool.contains(other)]).toEqual([true, true]);
    expect([byPool.contains(other, 1000, 24), byPool.contains(byRange.whole!)]).toEqual([
      true,
      false,
    ]);
    expect(byLease.contains(lease, 0, 1025)).toBe(false);
    expect(byLease.contains(lease, -1, 5)).toBe(false);
    expect(byLease.contains(lease, 0, -1)).toBe(false);
    expect(byLease.contains(lease, Number.NaN, 1)).toBe(false);
  });

  test('knows addresses beyond 32 bits', () => {
    const high = new Arena(new HeapMemory({ addressLow: 0xffff_f000, addressHigh: 7 }), 16_384);
    const tall = new BufferPool(high, { count: 4, bufferBytes: 4096 });
    const { table, kernel } = make();
    const buffer = table.add(tall);
    expect(kernel.slots![0]).toBe(7 * 2 ** 32 + 0xffff_f000);
    for (let i = 0; i < 4; i++) expect(buffer.contains(tall.take())).toBe(true);
  });

  test('refuses what is no memory, too large, with the kernel, or released', () => {
    const { table, kernel } = make();
    for (const wrong of [undefined, null, 3, {}, new Uint8Array(8)]) {
      expect(() => table.add(wrong as never)).toThrow(TypeError);
    }
    const unsafe = {
      addressLow: 0,
      addressHigh: 0,
      bytes: { byteLength: FIXED_BUFFER_BYTES_MAX + 1 },
    };
    expect(() => table.add({ unsafe: unsafe as never })).toThrow(
      'Cannot register a buffer as byteLength must be an integer from 1 to 1073741824',
    );
    const lease = pool.take();
    lease.owner.lend();
    expect(() => table.add(lease)).toThrow(OwnerError);
    lease.owner.giveBack();
    table.add(lease); // Returned: to be read, and registered all the same
    expect(lease.owner.name).toBe('Returned');
    lease.release();
    expect(() => table.add(lease)).toThrow(code('BUFFER_RELEASED'));
    expect([table.used, kernel.calls.length]).toEqual([1, 2]);
  });

  test('a full table names its limit; one of no slots has none', () => {
    const { table } = make(1);
    table.add(pool);
    expect(() => table.add(pool.take())).toThrow(
      'Cannot take 1 buffers as 1 of 1 are in use: release some, or make RegisteredBuffers larger',
    );
    expect(() => make(0).table.add(pool)).toThrow(code('AT_CAPACITY'));
    for (const wrong of [-1, 1.5, 16_385]) expect(() => make(wrong)).toThrow(RangeError);
  });

  test('a refusal of the kernel changes nothing', () => {
    const seen: number[] = [];
    const kernel = new FakeKernel();
    const table = new FixedBufferTable(kernel, { capacity: 2, onSlots: (n) => seen.push(n) });
    kernel.refusal = new Error('ENOMEM');
    const lease = pool.take();
    expect(() => table.add(lease)).toThrow('ENOMEM');
    expect([table.used, seen, lease.owner.name]).toEqual([0, [1, -1], 'Created']);
    kernel.refusal = null;
    const buffer = table.add(lease);
    kernel.refusal = new Error('EFAULT');
    expect(() => table.update(buffer, pool.take())).toThrow('EFAULT');
    expect(() => buffer.remove()).toThrow('EFAULT');
    expect([buffer.registered, table.used, seen]).toEqual([true, 1, [1, -1, 1]]);
  });

  test('onSlots may refuse', () => {
    const kernel = new FakeKernel();
    const onSlots = () => {
      throw new Error('enough');
    };
    const table = new FixedBufferTable(kernel, { capacity: 2, onSlots });
    expect(() => table.add(pool)).toThrow('enough');
    expect([table.used, kernel.calls]).toEqual([0, []]);
  });
});

describe('remove() and update()', () => {
  test('void the handle, and are refused while an operation uses it', () => {
    const { table, kernel } = make();
    const lease = pool.take();
    const buffer = table.add(lease);
    buffer.begin();
    buffer.begin();
    for (let users = 2; users > 0; users--) {
      expect(() => buffer.remove()).toThrow(code('BUFFER_IN_USE'));
      expect(() => table.update(buffer, pool.take())).toThrow(code('BUFFER_IN_USE'));
      expect(() => table.close()).toThrow(code('BUFFER_IN_USE'));
      buffer.end();
    }
    const next = pool.take();
    const updated = table.update(buffer, next);
    expect([updated.index, buffer.registered, table.used]).toEqual([0, false, 1]);
    expect([lease.owner.name, next.owner.name]).toEqual(['Created', 'Registered']);
    expect(() => buffer.index).toThrow(code('BUFFER_NOT_REGISTERED'));
    expect(() => buffer.begin()).toThrow(code('BUFFER_NOT_REGISTERED'));
    expect(() => table.remove(buffer)).toThrow(code('BUFFER_NOT_REGISTERED'));
    expect(() => table.update(buffer, lease)).toThrow(code('BUFFER_NOT_REGISTERED'));
    buffer.remove(); // again: nothing happens
    updated[Symbol.dispose]();
    expect([kernel.slots, table.used]).toEqual([[0, 0, 0, 0], 0]);
  });

  test('a handle of another table is refused', () => {
    const [one, two] = [make(), make()];
    const buffer = one.table.add(pool);
    two.table.add(pool);
    expect(() => two.table.remove(buffer)).toThrow(code('BUFFER_NOT_REGISTERED'));
    expect(() => two.table.update(buffer, pool)).toThrow(code('BUFFER_NOT_REGISTERED'));
    expect([one.table.used, two.table.used]).toEqual([1, 1]);
  });

  test('a lease that was released is void, its slot stays until it is removed', () => {
    const { table } = make();
    const lease = pool.take();
    const buffer = table.add(lease);
    lease.release();
    expect(() => buffer.whole!.owner).toThrow(code('BUFFER_RELEASED'));
    expect(() => buffer.contains(lease)).toThrow(code('BUFFER_RELEASED'));
    const next = pool.take(); // the same bytes and owner
    next.fill(new Uint8Array(4));
    buffer.remove();
    expect([next.owner.name, table.used]).toEqual(['Taken', 0]);
  });
});

describe('clone()', () => {
  test('copies a range to the same slots, or to others', () => {
    const [one, two] = [make(6), make(6)];
    const first = one.table.add(pool);
    const second = one.table.add(pool.take());
    const third = one.table.add(pool.take());
    second.remove();
    expect(two.table.clone(one.table).map((buffer) => buffer?.index)).toEqual([0, undefined, 2]);
    expect(two.kernel.calls).toEqual(['sparse 6', 'clone 0 0 3']);
    expect(two.table.clone(one.table, { from: 2, count: 1, to: 5 })[0]?.index).toBe(5);
    expect([two.table.used, two.kernel.slots![5]]).toEqual([3, one.kernel.slots![2]]);
    expect(two.table.at(0)).not.toBe(first);
    expect(two.table.at(5)!.whole).toBe(third.whole);
    expect(two.table.at(5)!.ring).toBe(two.kernel.ring);
    expect(two.table.add(pool.take()).index).toBe(1);
  });

  test('takes no slot that holds a buffer, unless told to replace it', () => {
    const [one, two] = [make(), make()];
    const lease = pool.take();
    one.table.add(lease);
    one.table.add(pool);
    const here = two.table.add(pool.take());
    expect(() => two.table.clone(one.table)).toThrow(code('BUFFER_IN_USE'));
    expect([here.registered, two.table.used]).toEqual([true, 1]);
    here.begin();
    expect(() => two.table.clone(one.table, { replace: true })).toThrow(/an operation uses it/);
    here.end();
    const [first, second] = two.table.clone(one.table, { replace: true });
    expect([here.registered, first!.whole, second!.whole]).toEqual([false, lease, null]);
    expect(two.table.used).toBe(2);
    // Empty slots are copied, too.
    expect(two.table.clone(one.table, { from: 2, count: 2, to: 0, replace: true })).toEqual([
      null,
      null,
    ]);
    expect([two.table.used, two.kernel.slots]).toEqual([0, [0, 0, 0, 0]]);
  });

  test('refuses ranges that a table does not have, itself, and what is closed', () => {
    const [one, two] = [make(4), make(2)];
    expect(two.table.clone(one.table)).toEqual([]); // nothing to clone
    for (let i = 0; i < 4; i++) one.table.add(pool.take());
    for (const wrong of [
      {},
      { from: 5 },
      { from: -1 },
      { from: 3, count: 2 },
      { count: 0.5 },
      { count: -1 },
      { count: 2, to: 1 },
      { from: 3, count: 1, to: -1 },
    ]) {
      expect(() => two.table.clone(one.table, wrong), JSON.stringify(wrong)).toThrow(RangeError);
    }
    expect(() => one.table.clone(one.table)).toThrow(/are one table/);
    expect([two.table.used, two.kernel.calls]).toEqual([0, []]);
    expect(two.table.clone(one.table, { from: 4, to: 0 })).toEqual([]);
    expect(() => two.table.clone(one.table, { from: 4 })).toThrow(RangeError);
    two.table.close();
    expect(() => two.table.clone(one.table)).toThrow(code('BUFFER_CLOSED'));
    expect(() => one.table.clone(two.table)).toThrow(code('BUFFER_CLOSED'));
  });

  test('a refusal of the kernel changes nothing', () => {
    const [one, two] = [make(), make()];
    one.table.add(pool);
    two.kernel.refusal = new Error('EINVAL');
    expect(() => two.table.clone(one.table)).toThrow('EINVAL');
    expect([two.table.used, two.table.at(0)]).toEqual([0, null]);
  });
});

describe('close()', () => {
  test('drops the table and voids every buffer, once', () => {
    const seen: number[] = [];
    const kernel = new FakeKernel();
    const table = new FixedBufferTable(kernel, { capacity: 4, onSlots: (n) => seen.push(n) });
    const lease = pool.take();
    const buffers = [table.add(lease), table.add(pool)];
    table.close();
    table.close();
    expect(kernel.calls.at(-1)).toBe('unregister');
    expect(kernel.calls.filter((call) => call === 'unregister')).toHaveLength(1);
    expect(buffers.map(({ registered }) => registered)).toEqual([false, false]);
    expect([table.used, seen, lease.owner.name]).toEqual([0, [1, 1, -2], 'Created']);
    expect(() => table.add(pool)).toThrow(code('BUFFER_CLOSED'));
    buffers[0]!.remove();
  });

  test('a table nobody used has nothing to drop', () => {
    const { kernel, table } = make();
    table[Symbol.dispose]();
    expect(kernel.calls).toEqual([]);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FdError,
  FdKind,
  type FileRegistrar,
  FixedFd,
  FixedFileTable,
  RawFd,
  RegisteredFd,
} from './index.js';

/** The kernel's side: a table of numbers that it hands out from a range, as io_uring/filetable.c does. */
class KernelTable implements FileRegistrar {
  slots: number[] | null = null;
  from = 0;
  end = 0;
  failing: keyof FileRegistrar | null = null;

  registerSparse(count: number): void {
    this.#fail('registerSparse');
    this.slots = new Array(count).fill(-1);
    this.end = count;
  }
  update(slot: number, fd: number): void {
    this.#fail('update');
    expect(slot).toBeLessThan(this.slots!.length);
    this.slots![slot] = fd;
  }
  allocRange(from: number, count: number): void {
    this.#fail('allocRange');
    this.from = from;
    this.end = from + count;
    expect(this.end).toBeLessThanOrEqual(this.slots!.length);
  }
  unregister(): void {
    this.slots = null;
  }
  /** What an accept into an automatic slot does. */
  allocate(fd: number): number {
    for (let slot = this.from; slot < this.end; slot++) {
      if (this.slots![slot] === -1) {
        this.slots![slot] = fd;
        return slot;
      }
    }
    return -1;
  }
  #fail(call: keyof FileRegistrar): void {
    if (this.failing === call) throw new Error(`EMFILE from ${call}`);
  }
}

function code(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(FdError);
    return (error as FdError).code;
  }
  return 'no error';
}

describe('new FixedFileTable()', () => {
  test('registers a sparse table and keeps the kernel out of the manual slots', () => {
    const kernel = new KernelTable();
    const table = new FixedFileTable(kernel, { capacity: 10, automatic: 6 });
    expect(kernel.slots).toHaveLength(10);
    expect([kernel.from, kernel.end]).toEqual([4, 10]);
    expect(table).toMatchObject({ capacity: 10, manualCapacity: 4, automaticCapacity: 6, used: 0 });
  });

  test('lets the kernel allocate nowhere without automatic slots', () => {
    const kernel = new KernelTable();
    new FixedFileTable(kernel, { capacity: 4 });
    expect(kernel.allocate(7)).toBe(-1);
  });

  test('needs no range where every slot is automatic', () => {
    const kernel = new KernelTable();
    kernel.failing = 'allocRange';
    expect(new FixedFileTable(kernel, { capacity: 4, automatic: 4 }).manualCapacity).toBe(0);
    expect(kernel.allocate(7)).toBe(0);
  });

  test('drops the table again when the range is refused', () => {
    const kernel = new KernelTable();
    kernel.failing = 'allocRange';
    expect(() => new FixedFileTable(kernel, { capacity: 4, automatic: 2 })).toThrow('EMFILE');
    expect(kernel.slots).toBeNull();
  });

  test.each([
    [{ capacity: 0 }],
    [{ capacity: 2 ** 20 + 1 }],
    [{ capacity: 1.5 }],
    [{ capacity: 4, automatic: 5 }],
    [{ capacity: 4, automatic: -1 }],
  ])('refuses %j', (options) => {
    expect(() => new FixedFileTable(new KernelTable(), options)).toThrow(RangeError);
  });
});

describe('FixedFileTable', () => {
  test('add() fills the lowest slots first and remove() empties them', () => {
    const kernel = new KernelTable();
    const table = new FixedFileTable(kernel, { capacity: 3 });
    const first = table.add(new RawFd(10), FdKind.Recv);
    const second = table.add(new RawFd(11));
    expect([first.number, second.number]).toEqual([0, 1]);
    expect(kernel.slots).toEqual([10, 11, -1]);
    expect(second.kind).toBe('Any');
    table.remove(first);
    expect(kernel.slots).toEqual([-1, 11, -1]);
    expect([table.has(first), table.has(second), table.used]).toEqual([false, true, 1]);
  });

  test('add() at capacity names kind, limit and use', () => {
    const table = new FixedFileTable(new KernelTable(), { capacity: 3, automatic: 1 });
    table.add(new RawFd(10));
    table.reserve();
    expect(code(() => table.add(new RawFd(12)))).toBe('AT_CAPACITY');
    try {
      table.reserve();
    } catch (error) {
      expect((error as FdError).capacity).toEqual({ kind: 'RegisteredFd', limit: 2, used: 2 });
      expect((error as FdError).message).toContain('all 2 are in use');
    }
  });

  test('add() takes nothing when the registration fails', () => {
    const kernel = new KernelTable();
    const table = new FixedFileTable(kernel, { capacity: 2 });
    kernel.failing = 'update';
    expect(() => table.add(new RawFd(10))).toThrow('EMFILE');
    expect(table.used).toBe(0);
    kernel.failing = null;
    expect(table.add(new RawFd(10)).number).toBe(0);
  });

  test('remove() refuses what is not registered', () => {
    const table = new FixedFileTable(new KernelTable(), { capacity: 4, automatic: 2 });
    const fd = table.add(new RawFd(10));
    table.remove(fd);
    expect(code(() => table.remove(fd))).toBe('FD_NOT_REGISTERED');
    table.filled(2);
    const automatic = new RegisteredFd(new RawFd(1), new FixedFd(2), FdKind.Any);
    expect(code(() => table.remove(automatic))).toBe('FD_NOT_REGISTERED');
  });

  test('reserve(), filled() and release() follow an operation that fills a slot', () => {
    const table = new FixedFileTable(new KernelTable(), { capacity: 2 });
    const slot = table.reserve();
    expect(table.has(new FixedFd(slot))).toBe(false);
    table.filled(slot);
    expect(table.has(new FixedFd(slot))).toBe(true);
    expect(code(() => table.filled(slot))).toBe('FD_IN_USE');
    table.release(slot);
    expect(code(() => table.release(slot))).toBe('FD_NOT_REGISTERED');
    expect(code(() => table.filled(slot))).toBe('FD_NOT_REGISTERED');
    expect(code(() => table.filled(99))).toBe('FD_NOT_REGISTERED');
  });

  test('close() unregisters once and ends the table', () => {
    const kernel = new KernelTable();
    const table = new FixedFileTable(kernel, { capacity: 2 });
    const fd = table.add(new RawFd(10));
    table.close();
    table.close();
    expect(kernel.slots).toBeNull();
    expect(table.used).toBe(0);
    expect(code(() => table.reserve())).toBe('FD_TABLE_CLOSED');
    expect(code(() => table.remove(fd))).toBe('FD_TABLE_CLOSED');
  });

  test('agrees with the kernel through any churn', () => {
    const step = fc.record({
      what: fc.constantFrom('add', 'remove', 'accept', 'close'),
      pick: fc.nat(),
    });
    const sizes = fc
      .nat(6)
      .chain((automatic) => fc.record({ automatic: fc.constant(automatic), manual: fc.nat(6) }));
    fc.assert(
      fc.property(sizes, fc.array(step, { maxLength: 60 }), ({ manual, automatic }, steps) => {
        fc.pre(manual + automatic > 0);
        const kernel = new KernelTable();
        const table = new FixedFileTable(kernel, { capacity: manual + automatic, automatic });
        const added: RegisteredFd[] = [];
        const accepted: number[] = [];
        let fd = 100;
        for (const { what, pick } of steps) {
          if (what === 'add') {
            if (added.length === manual)
              expect(code(() => table.add(new RawFd(fd)))).toBe('AT_CAPACITY');
            else added.push(table.add(new RawFd(fd++)));
          } else if (what === 'remove' && added.length > 0) {
            table.remove(added.splice(pick % added.length, 1)[0]!);
          } else if (what === 'accept') {
            const slot = kernel.allocate(fd++);
            if (slot < 0) expect(table.automaticUsed).toBe(table.automaticCapacity);
            else {
              table.filled(slot);
              accepted.push(slot);
            }
          } else if (what === 'close' && accepted.length > 0) {
            const slot = accepted.splice(pick % accepted.length, 1)[0]!;
            table.release(slot);
            kernel.slots![slot] = -1;
          }
          const used = kernel
            .slots!.map((value, slot) => ({ value, slot }))
            .filter(({ value }) => value >= 0);
          expect(table.used).toBe(used.length);
          expect(table.manualUsed).toBe(added.length);
          expect(table.automaticUsed).toBe(accepted.length);
          for (const { slot } of used) expect(table.has(new FixedFd(slot))).toBe(true);
        }
      }),
    );
  });
});

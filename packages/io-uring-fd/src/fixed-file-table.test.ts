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
  updates = 0;
  update(first: number, descriptors: readonly number[]): void {
    this.#fail('update');
    this.updates += 1;
    descriptors.forEach((fd, i) => {
      expect(first + i).toBeLessThan(this.slots!.length);
      expect(fd < 0).toBe(this.slots![first + i]! >= 0);
      this.slots![first + i] = fd;
    });
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

  test('release() of what went with a closed table does nothing: cleaning up may come late', () => {
    const table = new FixedFileTable(new KernelTable(), { capacity: 4, automatic: 1 });
    const held = table.reserve();
    const filled = table.reserve();
    table.filled(filled);
    table.filled(3);
    table.close();
    for (const slot of [held, filled, 3, held, 99]) table.release(slot);
    expect([table.used, table.manualUsed, table.automaticUsed]).toEqual([0, 0, 0]);
    expect(code(() => table.reserve())).toBe('FD_TABLE_CLOSED');
  });

  test('addAll() and removeAll() make one call for slots that follow each other, all or none', () => {
    const kernel = new KernelTable();
    const table = new FixedFileTable(kernel, { capacity: 6 });
    const fds = table.addAll([10, 11, 12, 13].map((fd) => new RawFd(fd)));
    expect([kernel.updates, kernel.slots]).toEqual([1, [10, 11, 12, 13, -1, -1]]);
    expect(fds.map(({ number, raw }) => [number, raw.number])).toEqual([
      [0, 10],
      [1, 11],
      [2, 12],
      [3, 13],
    ]);
    table.removeAll([fds[2]!, fds[0]!]);
    expect([kernel.updates, kernel.slots]).toEqual([3, [-1, 11, -1, 13, -1, -1]]);
    expect(code(() => table.removeAll([fds[1]!, fds[0]!]))).toBe('FD_NOT_REGISTERED');
    expect(code(() => table.removeAll([fds[1]!, fds[1]!]))).toBe('FD_NOT_REGISTERED');
    expect([kernel.updates, table.used]).toEqual([3, 2]);
    const five = [20, 21, 22, 23, 24].map((fd) => new RawFd(fd));
    expect(code(() => table.addAll(five))).toBe('AT_CAPACITY');
    expect([table.used, kernel.slots]).toEqual([2, [-1, 11, -1, 13, -1, -1]]);
    // Three runs, of which the second is refused.
    const { update } = kernel;
    kernel.update = (first, descriptors) => {
      if (first === 2 && descriptors[0]! >= 0) throw new Error('EBADF');
      update.call(kernel, first, descriptors);
    };
    expect(() => table.addAll(five.slice(0, 4))).toThrow('EBADF');
    expect([table.used, kernel.slots]).toEqual([2, [-1, 11, -1, 13, -1, -1]]);
    kernel.update = update;
    table.addAll(five.slice(0, 4));
    expect([table.used, kernel.slots, table.peak]).toEqual([6, [20, 11, 21, 13, 22, 23], 6]);
    expect([table.addAll([]), table.removeAll([])]).toEqual([[], undefined]);
  });

  test('keeps the books of what operations open and close', () => {
    const table = new FixedFileTable(new KernelTable(), { capacity: 6, automatic: 3 });
    const automatic = new FixedFd(4);
    table.opened(4);
    table.opened(4); // the kernel has the last word on its slots
    expect([table.automaticUsed, table.has(automatic)]).toEqual([1, true]);
    expect(table.closing(4)).toBe(true);
    expect([table.used, table.closing(4)]).toEqual([1, false]); // it is closed a second time
    table.closed(4, true, true);
    table.closed(4, false, true);
    expect([table.used, table.has(automatic)]).toEqual([0, false]);
    // The next accept is announced before the close.
    table.opened(4);
    table.closing(4);
    table.opened(4);
    table.closed(4, true, true);
    expect([table.used, table.has(automatic)]).toEqual([1, true]);
    // The close is cancelled.
    table.closing(4);
    table.closed(4, true, false);
    expect(table.has(automatic)).toBe(true);
    // open -> close in one chain: the close is submitted before anything is open.
    table.emptied(4);
    expect(table.closing(4)).toBe(false);
    table.opened(4);
    table.closed(4, false, true);
    expect([table.used, table.has(automatic), table.peak]).toEqual([0, false, 1]);
    for (const nowhere of [6, -1, 2 ** 20]) {
      table.opened(nowhere);
      table.emptied(nowhere);
      table.closed(nowhere, table.closing(nowhere), true);
    }
    expect(table.used).toBe(0);
  });

  test('a slot set aside stays so when what was in it is closed; one that was not is free again', () => {
    const table = new FixedFileTable(new KernelTable(), { capacity: 3 });
    const held = table.reserve();
    table.opened(held);
    table.closed(held, table.closing(held), true);
    expect([table.used, table.has(new FixedFd(held))]).toEqual([1, false]);
    table.opened(1); // an operation named a slot nobody had set aside
    expect(table.manualUsed).toBe(2);
    expect(table.reserve()).toBe(2);
    expect(code(() => table.reserve())).toBe('AT_CAPACITY');
    table.closed(1, table.closing(1), true);
    expect([table.manualUsed, table.reserve()]).toEqual([2, 1]);
    table.release(held);
    expect([table.reserve(), table.used]).toEqual([held, 3]);
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

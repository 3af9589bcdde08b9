import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { FakeMemory } from '../../../test-support/fake-memory.js';
import { Errno, FileAdvice, MemoryAdvice } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { occupy } from '../../in-flight.js';
import type { OpCode } from '../../opcode.js';
import { Fadvise } from './fadvise.js';
import { Fallocate } from './fallocate.js';
import { FgetXattr } from './fget-xattr.js';
import { FsetXattr } from './fset-xattr.js';
import { Fsync } from './fsync.js';
import { Ftruncate } from './ftruncate.js';
import { GetXattr } from './get-xattr.js';
import { Madvise } from './madvise.js';
import { SetXattr } from './set-xattr.js';
import { SyncFileRange } from './sync-file-range.js';

const descriptor = new RawFd(3);

/** Reusable operations, and how the next submission of each is chosen. */
const reusable: [string, OpCode<unknown>, (operation: never) => unknown, number[]][] = [
  ['Fsync', new Fsync({ descriptor }), (o: Fsync) => o.set(new FixedFd(9)), [0x103, 9]],
  [
    'SyncFileRange',
    new SyncFileRange({ descriptor }),
    (o: SyncFileRange) => o.set(5, 6),
    [8, 3, 5, 0, 0, 0, 6],
  ],
  [
    'Fallocate',
    new Fallocate({ descriptor, length: 1 }),
    (o: Fallocate) => o.set(5, 6),
    [17, 3, 5, 0, 6],
  ],
  [
    'Ftruncate',
    new Ftruncate({ descriptor, length: 1 }),
    (o: Ftruncate) => o.set(new RawFd(4), 6),
    [55, 4, 6],
  ],
  [
    'Fadvise',
    new Fadvise({ descriptor, advice: FileAdvice.WILLNEED }),
    (o: Fadvise) => o.set(5, 6),
    [24, 3, 5, 0, 0, 0, 6, 3],
  ],
];

test.each(reusable)('%s is reusable and has no result', (_, operation, change, words) => {
  change(operation as never);
  expect([...dryRun(operation).words.subarray(0, words.length)]).toEqual(words);
  expect(operation.complete(fakeCqe(0))).toBe(undefined);
  expect(() => operation.complete(fakeCqe(-Errno.EIO))).toThrow(
    `${operation.name.toLowerCase()} failed: EIO`,
  );
  occupy(operation);
  expect(() => change(operation as never)).toThrow(/the kernel holds it/);
});

test('lengths and positions have bounds', () => {
  expect(() => new Fsync({ descriptor, length: 2 ** 32 })).toThrow(
    /length must be an integer from 0/,
  );
  expect(() => new Fsync({ descriptor, position: -1 })).toThrow(/position must be an integer >= 0/);
  expect(() => new SyncFileRange({ descriptor, flags: -1 })).toThrow(/flags/);
  expect(() => new Fallocate({ descriptor, length: 0 })).toThrow(/length must be an integer >= 1/);
  expect(() => new Fallocate({ descriptor, length: 1, mode: -1 })).toThrow(/mode/);
  expect(() => new Ftruncate({ descriptor, length: 0.5 })).toThrow(/length/);
  expect(() => new Fadvise({ descriptor, advice: -1 })).toThrow(/advice/);
  expect(() => new Fadvise({ descriptor: 3 as never, advice: 0 })).toThrow(TypeError);
});

test('Madvise has the memory meanwhile', () => {
  const memory = new FakeMemory(8192);
  const advise = new Madvise({ memory, advice: MemoryAdvice.FREE, offset: 4096 });
  expect(dryRun(advise).words[6]).toBe(4096);
  advise.acquire();
  expect(memory.owner.name).toBe('Kernel');
  advise.rollback();
  advise.acquire();
  advise.release();
  expect(memory.owner.name).toBe('Returned');
  expect(dryRun(advise.set(new FakeMemory(12_288))).words[6]).toBe(12_288);
  expect(() => advise.set(new FakeMemory(100))).toThrow(/must be whole pages/);
  expect(() => advise.complete(fakeCqe(-Errno.EINVAL))).toThrow(/madvise failed: EINVAL/);
  expect(() => new Madvise({ memory: new Uint8Array(8) as never, advice: 4 })).toThrow(TypeError);
});

describe('extended attributes', () => {
  const name = 'user.a';
  const record = new TextEncoder().encode('value');

  test.each([
    ['GetXattr', (into: object) => new GetXattr({ path: 'x', name, ...into })],
    ['FgetXattr', (into: object) => new FgetXattr({ descriptor, name, ...into })],
  ])('%s copies from the record, or leaves the value in memory', (_, make) => {
    const small = make({});
    expect(small.complete(fakeCqe(5, 0, record))).toEqual({ length: 5, value: record });
    small.acquire();
    small.release();
    const memory = new FakeMemory(64);
    const large = make({ memory, offset: 4 });
    large.acquire();
    expect(memory.owner.name).toBe('Kernel');
    large.rollback();
    large.acquire();
    large.release();
    expect(memory.owner.name).toBe('Returned');
    expect(large.complete(fakeCqe(5))).toEqual({ length: 5, value: null });
    const { words } = dryRun(large);
    expect([words[2], words[3], words[6]]).toEqual([0xffff_f004, 3, 60]);
    expect(() => large.complete(fakeCqe(-Errno.ENODATA))).toThrow(/getxattr failed: ENODATA/);
    expect(() => make({ memory: new Uint8Array(8) })).toThrow(TypeError);
    expect(() => make({ name: '' })).toThrow(/name must be 1 to 255 bytes long/);
    expect(() => make({ name: 'n'.repeat(256) })).toThrow(/name/);
  });

  test.each([
    [
      'SetXattr',
      (data: Uint8Array | FakeMemory, mode?: 'create') =>
        new SetXattr({ path: 'x', name, data, ...(mode && { mode }) }),
    ],
    [
      'FsetXattr',
      (data: Uint8Array | FakeMemory, mode?: 'create') =>
        new FsetXattr({ descriptor, name, data, ...(mode && { mode }) }),
    ],
  ])('%s reads the value where it is', (_, make) => {
    const memory = new FakeMemory(64);
    const set = make(memory);
    set.acquire();
    expect(memory.owner.name).toBe('Kernel');
    set.rollback();
    set.acquire();
    set.release();
    expect(memory.owner.name).toBe('Returned');
    expect(set.complete(fakeCqe(0))).toBe(undefined);
    const { words } = dryRun(make(new Uint8Array(5), 'create'));
    expect([words[2], words[3], words[6], words[7]]).toEqual([0x2000, 2, 5, 1]);
    expect(() => set.complete(fakeCqe(-Errno.EEXIST))).toThrow(/setxattr failed: EEXIST/);
    expect(() => make('x' as never)).toThrow(/data must be a Uint8Array or kernel memory/);
    expect(() => make(memory, 'maybe' as never)).toThrow(
      'Cannot set an attribute as mode must be any, create or replace: current value is "maybe"',
    );
  });

  test('are reusable for another file', () => {
    const data = new Uint8Array(3);
    const operations = [
      new GetXattr({ path: 'x', name }),
      new FgetXattr({ descriptor, name }),
      new SetXattr({ path: 'x', name, data }),
      new FsetXattr({ descriptor, name, data }),
    ] as const;
    const change = () => {
      operations[0].set('yy');
      operations[1].set(new RawFd(8));
      operations[2].set('yy', new Uint8Array(4));
      operations[3].set(new RawFd(8), new Uint8Array(4));
    };
    change();
    expect(Buffer.from(dryRun(operations[0]).record.subarray(7, 10)).toString()).toBe('yy\0');
    expect(dryRun(operations[1]).words[1]).toBe(8);
    expect(dryRun(operations[2]).words[6]).toBe(4);
    expect(dryRun(operations[3]).words[1]).toBe(8);
    for (const operation of operations) {
      const mark = occupy(operation);
      expect(change).toThrow(/the kernel holds it/);
      mark.slot = -1;
    }
  });
});

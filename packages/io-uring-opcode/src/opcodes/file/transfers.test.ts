import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { CqeFlag, Errno } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { fakeCqe } from '../../fake-cqe.js';
import { FakeMemory } from '../../fake-memory.js';
import { Pipe } from './pipe.js';
import { ReadFixed } from './read-fixed.js';
import { ReadMulti } from './read-multi.js';
import { Readv } from './readv.js';
import { ReadvFixed } from './readv-fixed.js';
import { Splice } from './splice.js';
import { Tee } from './tee.js';
import { WriteFixed } from './write-fixed.js';
import { Writev } from './writev.js';
import { WritevFixed } from './writev-fixed.js';

const descriptor = new RawFd(3);
const bufferIndex = 1;

describe.each([
  ['Readv', (memory: FakeMemory) => new Readv({ descriptor, memory: [memory] })],
  ['Writev', (memory: FakeMemory) => new Writev({ descriptor, data: [memory] })],
  ['ReadFixed', (memory: FakeMemory) => new ReadFixed({ descriptor, memory, bufferIndex })],
  ['WriteFixed', (memory: FakeMemory) => new WriteFixed({ descriptor, memory, bufferIndex })],
  [
    'ReadvFixed',
    (memory: FakeMemory) => new ReadvFixed({ descriptor, memory: [memory], bufferIndex }),
  ],
  [
    'WritevFixed',
    (memory: FakeMemory) => new WritevFixed({ descriptor, data: [memory], bufferIndex }),
  ],
])('%s', (name, make) => {
  test('drives the owner of its memory', () => {
    const memory = new FakeMemory(64);
    const operation = make(memory);
    operation.acquire();
    expect(memory.owner.name).toBe('Kernel');
    operation.rollback();
    expect(memory.owner.name).toBe('Taken');
    operation.acquire();
    operation.release();
    expect(memory.owner.name).toBe('Returned');
  });

  test('position and memory may change between submissions', () => {
    const operation = make(new FakeMemory(64));
    operation.position = 2 ** 40 + 5;
    const other = new FakeMemory(32);
    if (operation instanceof ReadFixed || operation instanceof WriteFixed)
      operation.set(other, 7, 8);
    else operation.set([other]);
    const { words, record } = dryRun(operation);
    expect([words[2], words[3]]).toEqual([5, 256]);
    expect(operation.position).toBe(2 ** 40 + 5);
    if (operation instanceof ReadFixed || operation instanceof WriteFixed) {
      expect([words[4], words[6], words[10]]).toEqual([0xffff_f008, 24, 7]);
    } else {
      expect([words[6], record[8]]).toEqual([1, 32]);
    }
    operation.slot = 0;
    expect(() => operation.set(other as never, 0)).toThrow(/the kernel holds it/);
    expect(() => {
      operation.position = 0;
    }).toThrow(/the kernel holds it/);
  });

  test('complete() gives the bytes transferred', () => {
    const operation = make(new FakeMemory(64));
    expect(operation.complete(fakeCqe(9))).toBe(9);
    expect(() => operation.complete(fakeCqe(-Errno.EFAULT))).toThrow(
      `${operation.name.toLowerCase()} failed: EFAULT`,
    );
    expect(() => {
      operation.position = -2;
    }).toThrow(
      `Cannot ${name.startsWith('Read') ? 'read' : 'write'} as position must be an integer >= -1`,
    );
  });
});

test('what the kernel writes, or has registered, is kernel memory only', () => {
  const bytes = new Uint8Array(5);
  expect(() => new Readv({ descriptor, memory: [bytes as never] })).toThrow(
    'Cannot read as memory[0] must be kernel memory: current value is an object of type Uint8Array',
  );
  expect(() => new WritevFixed({ descriptor, data: [bytes as never], bufferIndex })).toThrow(
    TypeError,
  );
  expect(() => new ReadFixed({ descriptor, memory: bytes as never, bufferIndex })).toThrow(
    TypeError,
  );
  expect(() => new WriteFixed({ descriptor, memory: bytes as never, bufferIndex })).toThrow(
    TypeError,
  );
  for (const wrong of [-1, 65_536, undefined]) {
    const options = { descriptor, memory: new FakeMemory(8), bufferIndex: wrong as number };
    expect(() => new ReadFixed(options)).toThrow(/bufferIndex must be/);
    expect(() => new WriteFixed(options)).toThrow(/bufferIndex must be/);
  }
});

test('Writev notices arrays that were transferred', () => {
  const bytes = new Uint8Array(5);
  const write = new Writev({ descriptor, data: [bytes] });
  write.acquire();
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  expect(() => write.complete(fakeCqe(5))).toThrow(/transferred or resized/);
});

describe('ReadMulti', () => {
  test('says how much and where, and when to go on', () => {
    const read = new ReadMulti({ descriptor, group: 2 });
    expect([read.multishot, read.bufferGroup]).toEqual([true, 2]);
    expect(read.complete(fakeCqe(9, CqeFlag.BUFFER | (4 << 16)))).toMatchObject({
      length: 9,
      bufferId: 4,
    });
    expect(read.rearms(fakeCqe(9))).toBe(true);
    expect(read.rearms(fakeCqe(9, CqeFlag.MORE))).toBe(false);
    expect(read.rearms(fakeCqe(-Errno.ENOBUFS))).toBe(true);
    expect(read.rearms(fakeCqe(0))).toBe(false);
    expect([read.ends(fakeCqe(0)), read.ends(fakeCqe(9))]).toEqual([true, false]);
    expect(() => read.complete(fakeCqe(-Errno.EBADFD))).toThrow(/read_multishot failed: EBADFD/);
  });
  test('is reusable with another descriptor and group', () => {
    const read = new ReadMulti({ descriptor, group: 2, length: 100 });
    const { words } = dryRun(read.set(new FixedFd(9), 3));
    expect([words[1], words[6], words[10]]).toEqual([9, 100, 3]);
    read.slot = 0;
    expect(() => read.set(descriptor)).toThrow(/the kernel holds it/);
    expect(() => new ReadMulti({ descriptor, group: 65_536 })).toThrow(RangeError);
  });
});

describe('Splice and Tee', () => {
  test('are reusable', () => {
    const splice = new Splice({ from: descriptor, to: new RawFd(4), length: 10 });
    const { words } = dryRun(splice.set(new FixedFd(5), new RawFd(6)).setRange(20, 2 ** 33));
    expect([words[1], words[2], words[4], words[5], words[6], words[11]]).toEqual([
      6, 0xffff_ffff, 0, 2, 20, 5,
    ]);
    expect(words[7]).toBe(0x8000_0001);
    expect(splice.complete(fakeCqe(7))).toBe(7);
    const tee = new Tee({ from: new FixedFd(5), to: descriptor, length: 10 });
    tee.length = 20;
    expect([tee.length, dryRun(tee).words[6], dryRun(tee).words[7]]).toEqual([20, 20, 0x8000_0000]);
    splice.slot = 0;
    tee.slot = 0;
    expect(() => splice.set(descriptor, descriptor)).toThrow(/the kernel holds it/);
    expect(() => splice.setRange(1)).toThrow(/the kernel holds it/);
    expect(() => {
      tee.length = 1;
    }).toThrow(/the kernel holds it/);
  });

  test.each([
    [{ from: 3 }, TypeError, /from must be a RawFd or a FixedFd: current value is 3/],
    [{ to: null }, TypeError, /to must be a RawFd/],
    [{ length: -1 }, RangeError, /length/],
    [{ length: 2 ** 31 }, RangeError, /length/],
  ])('refuse %j', (options, type, message) => {
    for (const Operation of [Splice, Tee]) {
      const run = () =>
        new Operation({ from: descriptor, to: descriptor, length: 1, ...options } as never);
      expect(run).toThrow(type);
      expect(run).toThrow(message);
    }
    expect(
      () => new Splice({ from: descriptor, to: descriptor, length: 1, fromPosition: -2 }),
    ).toThrow(/fromPosition must be an integer >= -1/);
  });
});

describe('Pipe', () => {
  const ends = (pipe: Pipe, read: number, write: number) => {
    const record = new Uint8Array(8);
    new DataView(record.buffer).setUint32(0, read, true);
    new DataView(record.buffer).setUint32(4, write, true);
    return pipe.complete(fakeCqe(0, 0, record));
  };
  test('complete() finds both ends', () => {
    expect(ends(new Pipe(), 7, 8)).toEqual({ readEnd: new RawFd(7), writeEnd: new RawFd(8) });
    expect(ends(new Pipe({ into: TargetFd.auto }), 2, 9)).toEqual({
      readEnd: new FixedFd(2),
      writeEnd: new FixedFd(9),
    });
    expect(ends(new Pipe({ into: TargetFd.slot(4) }), 0, 0)).toEqual({
      readEnd: new FixedFd(4),
      writeEnd: new FixedFd(5),
    });
    expect(() => new Pipe().complete(fakeCqe(-Errno.EMFILE))).toThrow(/pipe failed: EMFILE/);
  });
  test('refuses targets that are none', () => {
    expect(() => new Pipe({ into: 4 as never })).toThrow(
      'Cannot make a pipe as into must be a TargetFd: current value is 4',
    );
    expect(() => new Pipe({ into: TargetFd.slot(2 ** 20 - 1) })).toThrow(RangeError);
  });
});

import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { FakeMemory, FakeRegistered } from '../../../test-support/fake-memory.js';
import { CqeFlag, Errno } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { occupy } from '../../in-flight.js';
import { RECORD_BYTES, RecordMemory } from '../../record-memory.js';
import { Sqe } from '../../sqe.js';
import { SendMsgZc } from '../net/send-msg-zc.js';
import { SendZc } from '../net/send-zc.js';
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
const registered = (memory: FakeMemory) => new FakeRegistered(memory, 1);

describe.each([
  ['Readv', (memory: FakeMemory) => new Readv({ descriptor, memory: [memory] })],
  ['Writev', (memory: FakeMemory) => new Writev({ descriptor, data: [memory] })],
  ['ReadFixed', (memory: FakeMemory) => new ReadFixed({ descriptor, buffer: registered(memory) })],
  [
    'WriteFixed',
    (memory: FakeMemory) => new WriteFixed({ descriptor, buffer: registered(memory) }),
  ],
  [
    'ReadvFixed',
    (memory: FakeMemory) =>
      new ReadvFixed({ descriptor, memory: [memory], buffer: registered(memory) }),
  ],
  [
    'WritevFixed',
    (memory: FakeMemory) =>
      new WritevFixed({ descriptor, data: [memory], buffer: registered(memory) }),
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
    if (operation instanceof ReadFixed || operation instanceof WriteFixed) operation.set(other, 8);
    else operation.set([other]);
    const { words, record } = dryRun(operation);
    expect([words[2], words[3]]).toEqual([5, 256]);
    expect(operation.position).toBe(2 ** 40 + 5);
    if (operation instanceof ReadFixed || operation instanceof WriteFixed) {
      expect([words[4], words[6], words[10]]).toEqual([0xffff_f008, 24, 1]);
    } else {
      expect([words[6], record[8]]).toEqual([1, 32]);
    }
    occupy(operation);
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
  const buffer = registered(new FakeMemory(8));
  expect(() => new WritevFixed({ descriptor, data: [bytes as never], buffer })).toThrow(TypeError);
  expect(() => new ReadFixed({ descriptor, memory: bytes as never, buffer })).toThrow(TypeError);
  expect(() => new WriteFixed({ descriptor, memory: bytes as never, buffer })).toThrow(TypeError);
});

describe('a registered buffer', () => {
  const memory = new FakeMemory(64);
  const outside = new FakeMemory(64, { addressLow: 0xffff_f020 });
  const buffer = registered(memory);

  test('must be one', () => {
    for (const wrong of [undefined, null, 3, memory]) {
      const options = { descriptor, buffer: wrong as never, memory: [memory], data: [memory] };
      for (const Operation of [ReadvFixed, WritevFixed]) {
        expect(() => new Operation(options)).toThrow(/buffer must be a registered buffer/);
      }
      for (const Operation of [ReadFixed, WriteFixed]) {
        expect(() => new Operation({ descriptor, buffer: wrong as never })).toThrow(
          /buffer must be a registered buffer/,
        );
      }
    }
  });

  test('is taken whole unless it is of many owners', () => {
    expect(dryRun(new ReadFixed({ descriptor, buffer, offset: 4 })).words[6]).toBe(60);
    const pool = new FakeRegistered(memory, 1, { parts: true });
    expect(() => new ReadFixed({ descriptor, buffer: pool })).toThrow(
      'Cannot read as memory must be kernel memory in the registered buffer: current value is undefined',
    );
    const part = new FakeMemory(8, { addressLow: 0xffff_f010 });
    const { words } = dryRun(new WriteFixed({ descriptor, buffer: pool, memory: part }));
    expect([words[4], words[6], words[10]]).toEqual([0xffff_f010, 8, 1]);
  });

  test('must hold all the bytes', () => {
    const said = 'must be inside of the registered buffer: register it, or the pool it is of';
    for (const [offset, length] of [
      [0, 33],
      [1, 32],
    ]) {
      const range = { descriptor, buffer, memory: outside, offset: offset!, length: length! };
      expect(() => new ReadFixed(range)).toThrow(`Cannot read as memory ${said}`);
      expect(() => new WriteFixed(range)).toThrow(`Cannot write as memory ${said}`);
      const part = { memory: outside, offset: offset!, length: length! };
      expect(() => new ReadvFixed({ descriptor, buffer, memory: [memory, part] })).toThrow(
        `Cannot read as memory[1] ${said}`,
      );
      expect(() => new WritevFixed({ descriptor, buffer, data: [part] })).toThrow(
        `Cannot write as data[0] ${said}`,
      );
    }
    const inside = { descriptor, buffer, memory: outside, length: 32 };
    expect(dryRun(new ReadFixed(inside)).words[6]).toBe(32);
    const operation = new ReadFixed(inside);
    expect(() => operation.set(outside)).toThrow(RangeError);
    expect(dryRun(operation).words[6]).toBe(32); // as it was
    expect(dryRun(operation.setBuffer({ buffer: new FakeRegistered(outside, 9) })).words[10]).toBe(
      9,
    );
  });

  test('has no empty parts', () => {
    expect(() => new ReadFixed({ descriptor, buffer, length: 0 })).toThrow(/length must be/);
    const memory = [{ memory: outside, length: 0 }];
    expect(() => new ReadvFixed({ descriptor, buffer, memory })).toThrow(
      /memory\[0\]\.length must be/,
    );
  });

  test('is in use from acquire() to release() or rollback(), and not when either is refused', () => {
    const data = [memory];
    for (const operation of [
      new ReadFixed({ descriptor, buffer }),
      new WritevFixed({ descriptor, buffer, data }),
      new SendZc({ socket: descriptor, buffer, data: memory }),
      new SendMsgZc({ socket: descriptor, buffer, data }),
    ]) {
      for (const undo of ['release', 'rollback'] as const) {
        if (!memory.owner.idle) memory.owner.reuse();
        operation.acquire();
        expect(buffer.users).toBe(1);
        expect(() => operation.acquire()).toThrow(/kernel/);
        expect(buffer.users).toBe(1);
        operation[undo]();
        expect(buffer.users).toBe(0);
      }
      const gone = new FakeRegistered(memory, 1);
      gone.begin = () => {
        throw new Error('removed');
      };
      if (!memory.owner.idle) memory.owner.reuse();
      for (const refused of [
        new ReadFixed({ descriptor, buffer: gone }),
        new WritevFixed({ descriptor, buffer: gone, data }),
        new SendZc({ socket: descriptor, buffer: gone, data: memory }),
        new SendMsgZc({ socket: descriptor, buffer: gone, data }),
      ]) {
        expect(() => refused.acquire()).toThrow('removed');
        expect(memory.owner.name).not.toBe('Kernel');
      }
    }
  });

  test('belongs to one ring', () => {
    const ring = {};
    const words = new Int32Array(16);
    const record = new RecordMemory(new Uint8Array(RECORD_BYTES), 0, 0);
    const sqe = new Sqe(words, record, () => {}, ring);
    sqe.open(0, 0, 0, 0);
    new ReadFixed({ descriptor, buffer: new FakeRegistered(memory, 2, { ring }) }).prepare(sqe);
    expect(words[10]).toBe(2);
    const other = new FakeRegistered(memory, 2, { ring: {} });
    for (const operation of [
      new ReadFixed({ descriptor, buffer: other }),
      new ReadvFixed({ descriptor, buffer: other, memory: [memory] }),
      new SendZc({ socket: descriptor, buffer: other, data: memory }),
      new SendMsgZc({ socket: descriptor, buffer: other, data: [memory] }),
    ]) {
      expect(() => operation.prepare(sqe)).toThrow(/in the table of another: clone it/);
    }
  });
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
    occupy(read);
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
    occupy(splice);
    occupy(tee);
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

import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { FakeMemory } from '../../../test-support/fake-memory.js';
import { CqeFlag, Errno } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { occupy } from '../../in-flight.js';
import { Recv } from './recv.js';
import { RecvMulti } from './recv-multi.js';

const socket = new RawFd(3);
const { BUFFER, MORE, SOCK_NONEMPTY } = CqeFlag;

describe('Recv', () => {
  test('drives the owner of its memory: taken, the kernel, returned', () => {
    const memory = new FakeMemory(64);
    const recv = new Recv({ socket, memory });
    recv.acquire();
    expect(memory.owner.name).toBe('Kernel');
    recv.release();
    expect(memory.owner.name).toBe('Returned');
    expect(() => recv.acquire()).toThrow(expect.objectContaining({ code: 'OWNER_RETURNED' }));
    memory.owner.reuse();
    recv.acquire();
    recv.rollback();
    expect(memory.owner.name).toBe('Taken');
    recv.acquire();
  });

  test('two operations cannot have the same memory at once', () => {
    const memory = new FakeMemory(64);
    new Recv({ socket, memory }).acquire();
    const second = new Recv({ socket, memory });
    expect(() => second.acquire()).toThrow(expect.objectContaining({ code: 'OWNER_KERNEL' }));
  });

  test('complete() says how much and where', () => {
    const own = new Recv({ socket, memory: new FakeMemory(64) });
    expect(own.complete(fakeCqe(5, SOCK_NONEMPTY))).toEqual({
      length: 5,
      bufferId: -1,
      bufferOffset: 0,
      socketNonEmpty: true,
    });
    expect(own.complete(fakeCqe(0)).length).toBe(0);
    const grouped = new Recv({ socket, group: 3 });
    expect(grouped.bufferGroup).toBe(3);
    expect(grouped.complete(fakeCqe(5, BUFFER | (77 << 16))).bufferId).toBe(77);
    expect(() => grouped.complete(fakeCqe(-Errno.ENOBUFS))).toThrow(/ENOBUFS/);
  });

  test('set() and setSocket() choose for the next submission', () => {
    const recv = new Recv({ socket, group: 3 });
    recv.set(new FakeMemory(64), 8, 16).setSocket(new FixedFd(9));
    const { words } = dryRun(recv);
    expect([words[0]! >>> 8, words[1], words[4], words[6]]).toEqual([1, 9, 0xffff_f008, 16]);
    expect(recv.bufferGroup).toBe(-1);
    occupy(recv, 1);
    expect(() => recv.set(new FakeMemory(64))).toThrow(/the kernel holds it/);
    expect(() => recv.setSocket(socket)).toThrow(/the kernel holds it/);
  });

  test.each([
    [
      { memory: new Uint8Array(5) },
      /memory must be kernel memory: current value is an object of type Uint8Array/,
    ],
    [{}, /memory must be kernel memory: current value is undefined/],
    [{ memory: new FakeMemory(8), offset: 9 }, /offset must be an integer from 0 to 8/],
    [{ memory: new FakeMemory(8), offset: 8 }, /length must be an integer from 1 to 0/],
    [
      { memory: new FakeMemory(8), length: 0 },
      /length must be an integer from 1 to 8: current value is 0/,
    ],
    [{ memory: new FakeMemory(8), length: 9 }, /length/],
    [{ memory: new FakeMemory(8), length: 1.5 }, /length/],
    [{ group: 65_536 }, /group must be an integer from 0 to 65535/],
    [{ group: '1' }, /group must be a number/],
  ])('the constructor refuses %#', (options, message) => {
    expect(() => new Recv({ socket, ...options } as never)).toThrow(message);
  });
});

describe('RecvMulti', () => {
  test('totalBytes goes where optlen is, and needs 6.17', () => {
    const bounded = new RecvMulti({ socket, group: 1, totalBytes: 65_536 });
    expect([dryRun(bounded).words[11], bounded.since]).toEqual([65_536, '6.17']);
    expect(dryRun(new RecvMulti({ socket, group: 1 })).words[11]).toBe(0);
    for (const totalBytes of [0, -1, 1.5, 2 ** 31]) {
      expect(() => new RecvMulti({ socket, group: 1, totalBytes })).toThrow(/totalBytes/);
    }
  });

  test.each([
    [5, BUFFER | MORE, false],
    [5, BUFFER, true],
    [0, 0, false],
    [-Errno.ENOBUFS, 0, true],
    [-Errno.ECONNRESET, 0, false],
    [-Errno.ECANCELED, 0, false],
  ])('rearms() for res %d with flags %d: %s', (res, flags, rearms) => {
    expect(new RecvMulti({ socket, group: 1 }).rearms(fakeCqe(res, flags))).toBe(rearms);
  });

  test('complete() names the buffer, and none at the end of the stream', () => {
    const recv = new RecvMulti({ socket, group: 1 });
    expect(recv.complete(fakeCqe(5, BUFFER | MORE | (65_535 << 16)))).toEqual({
      length: 5,
      bufferId: 65_535,
      bufferOffset: 0,
      socketNonEmpty: false,
    });
    expect(recv.complete(fakeCqe(0))).toEqual({
      length: 0,
      bufferId: -1,
      bufferOffset: 0,
      socketNonEmpty: false,
    });
    expect(() => recv.complete(fakeCqe(-Errno.ECONNRESET))).toThrow(/ECONNRESET/);
  });

  test('is reusable for another socket and group', () => {
    const recv = new RecvMulti({ socket, group: 1 });
    recv.set(new FixedFd(8), 2).pollFirst = true;
    const { words } = dryRun(recv);
    expect([words[0]! >>> 16, words[1], words[10]]).toEqual([3, 8, 2]);
    expect(recv.bufferGroup).toBe(2);
    expect(recv.set(socket).bufferGroup).toBe(2);
    occupy(recv);
    expect(() => recv.set(socket)).toThrow(/the kernel holds it/);
    expect(() => {
      recv.pollFirst = false;
    }).toThrow(/the kernel holds it/);
  });
});

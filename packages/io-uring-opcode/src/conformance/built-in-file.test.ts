import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { expect, test } from 'vitest';
import { FakeRegistered } from '../../test-support/fake-memory.js';
import * as op from '../index.js';
import { conformance } from './index.js';

const fd = new RawFd(9);
const direct = new FixedFd(9);
const long = 'x'.repeat(300);
const api = {
  test: (name: string, body: () => void) => test(name, () => expect(body).not.toThrow()),
};
const carries = true;
const TOO_FAR = 2 ** 53;

conformance(api, {
  make: () => new op.OpenAt({ path: 'abc' }),
  completions: [{ res: 12, result: new RawFd(12), carries }],
  change: (open) => (open as op.OpenAt).set('def'),
  invalid: {
    'an empty path': () => new op.OpenAt({ path: '' }),
    'a mode of 8 digits': () => new op.OpenAt({ path: 'a', mode: 0o10000000 }),
  },
});
conformance(api, {
  title: 'OPENAT into a slot, long path',
  make: () => new op.OpenAt({ path: long, into: TargetFd.slot(4) }),
  completions: [{ res: 0, result: new FixedFd(4), carries }],
});
conformance(api, {
  make: () => new op.OpenAt2({ path: 'abc', into: TargetFd.auto }),
  completions: [{ res: 5, result: new FixedFd(5), carries }],
  change: (open) => (open as op.OpenAt2).set('def'),
  invalid: { 'no path': () => new op.OpenAt2({} as never) },
});
conformance(api, {
  make: () => new op.Close({ descriptor: direct }),
  completions: [{ res: 0 }],
  change: (close) => (close as op.Close).set(fd),
  invalid: { 'a number': () => new op.Close({ descriptor: 3 as never }) },
});
conformance(api, {
  make: (kit) => new op.Read({ descriptor: fd, memory: kit.memory(64), position: 2 ** 40 }),
  completions: [
    { res: 3, result: { length: 3, bufferId: -1, bufferOffset: 0, socketNonEmpty: false } },
  ],
  change: (read) => {
    (read as op.Read).position = 1;
  },
  invalid: {
    'a position that is no integer': () =>
      new op.Read({ descriptor: fd, group: 1, position: TOO_FAR }),
    'no memory': () => new op.Read({ descriptor: fd, memory: new Uint8Array(8) as never }),
  },
});
conformance(api, {
  title: 'READ from a group',
  make: () => new op.Read({ descriptor: fd, group: 515 }),
  completions: [
    {
      res: 3,
      flags: 0x4_0001,
      result: { length: 3, bufferId: 4, bufferOffset: 0, socketNonEmpty: false },
    },
  ],
});
conformance(api, {
  make: () => new op.ReadMulti({ descriptor: fd, group: 515 }),
  completions: [{ res: 3, flags: 0x4_0003 }, { res: 3, flags: 0x5_0003 }, { res: 0 }],
  change: (read) => (read as op.ReadMulti).set(direct),
});
conformance(api, {
  make: (kit) =>
    new op.Readv({ descriptor: fd, memory: [kit.memory(8), { memory: kit.memory(8), offset: 2 }] }),
  completions: [{ res: 14, result: 14 }],
  change: (read) => {
    (read as op.Readv).position = 1;
  },
  invalid: { 'no parts': () => new op.Readv({ descriptor: fd, memory: [] }) },
});
conformance(api, {
  title: 'READV of more parts than the record holds',
  make: (kit) =>
    new op.Readv({ descriptor: fd, memory: Array.from({ length: 20 }, () => kit.memory(8)) }),
  completions: [{ res: 160, result: 160 }],
});
conformance(api, {
  make: (kit) =>
    new op.ReadFixed({ descriptor: fd, buffer: new FakeRegistered(kit.memory(64), 3) }),
  completions: [{ res: 64, result: 64 }],
  change: (read) => {
    (read as op.ReadFixed).position = 1;
  },
});
conformance(api, {
  make: (kit) => {
    const memory = kit.memory(8);
    return new op.ReadvFixed({
      descriptor: fd,
      memory: [memory],
      buffer: new FakeRegistered(memory, 3),
    });
  },
  completions: [{ res: 8, result: 8 }],
});
conformance(api, {
  make: (kit) => new op.Write({ descriptor: fd, data: kit.memory(64), position: 0 }),
  completions: [{ res: 64, result: 64 }],
  change: (write) => {
    (write as op.Write).position = 1;
  },
});
conformance(api, {
  title: 'WRITE of an array',
  make: () => new op.Write({ descriptor: fd, data: new Uint8Array(5), position: 0 }),
  completions: [{ res: 5, result: 5 }],
});
conformance(api, {
  make: (kit) =>
    new op.WriteFixed({ descriptor: fd, buffer: new FakeRegistered(kit.memory(64), 3) }),
  completions: [{ res: 64, result: 64 }],
});
conformance(api, {
  make: (kit) => new op.Writev({ descriptor: direct, data: [kit.memory(8), new Uint8Array(3)] }),
  completions: [{ res: 11, result: 11 }],
  change: (write) => (write as op.Writev).set([new Uint8Array(1)]),
});
conformance(api, {
  make: (kit) => {
    const memory = kit.memory(8);
    return new op.WritevFixed({
      descriptor: fd,
      data: [memory],
      buffer: new FakeRegistered(memory, 3),
    });
  },
  completions: [{ res: 8, result: 8 }],
});
conformance(api, {
  make: () => new op.Fsync({ descriptor: fd, dataOnly: true }),
  change: (sync) => (sync as op.Fsync).set(direct),
});
conformance(api, {
  make: () => new op.SyncFileRange({ descriptor: fd, position: 8192, length: 4096 }),
  change: (sync) => (sync as op.SyncFileRange).set(0, 1),
});
conformance(api, {
  make: () => new op.Fallocate({ descriptor: fd, position: 2 ** 40, length: 4096 }),
  change: (allocate) => (allocate as op.Fallocate).set(0, 1),
  invalid: {
    'a length of 0': () => new op.Fallocate({ descriptor: fd, position: 0, length: 0 }),
  },
});
conformance(api, {
  make: () => new op.Ftruncate({ descriptor: fd, length: 2 ** 40 }),
  change: (truncate) => (truncate as op.Ftruncate).set(direct, 1),
});
conformance(api, {
  make: () => new op.Fadvise({ descriptor: fd, advice: op.FileAdvice.DONTNEED }),
  change: (advise) => (advise as op.Fadvise).set(0, 1),
});
conformance(api, {
  make: (kit) => new op.Madvise({ memory: kit.memory(4096), advice: op.MemoryAdvice.DONTNEED }),
});
conformance(api, {
  make: () => new op.Statx({ path: 'abc' }),
  completions: [{ res: 0, record: (record) => record.setUint32(0, 0x7ff) }],
  change: (stat) => (stat as op.Statx).set('def'),
});
conformance(api, {
  make: () => new op.UnlinkAt({ path: 'abc', removeDirectory: true }),
  change: (unlink) => (unlink as op.UnlinkAt).set('def'),
});
conformance(api, {
  make: () => new op.MkdirAt({ path: 'abc', directory: fd }),
  change: (mkdir) => (mkdir as op.MkdirAt).set('def'),
});
conformance(api, {
  make: () => new op.RenameAt({ from: 'abc', to: long }),
  change: (rename) => (rename as op.RenameAt).set('def', 'ghi'),
});
conformance(api, {
  make: () => new op.SymlinkAt({ target: 'abc', path: 'def' }),
  change: (link) => (link as op.SymlinkAt).set('ghi', 'jkl'),
});
conformance(api, {
  make: () => new op.LinkAt({ from: 'abc', to: 'def' }),
  change: (link) => (link as op.LinkAt).set('ghi', 'jkl'),
});
conformance(api, {
  make: () => new op.Splice({ from: new FixedFd(8), to: direct, length: 100, toPosition: 4096 }),
  completions: [{ res: 100, result: 100 }],
  change: (splice) => (splice as op.Splice).set(fd, direct),
});
conformance(api, {
  make: () => new op.Tee({ from: new RawFd(8), to: fd, length: 100 }),
  completions: [{ res: 100, result: 100 }],
});
conformance(api, {
  make: () => new op.Pipe(),
  completions: [
    {
      res: 0,
      record(record) {
        record.setUint32(0, 21);
        record.setUint32(4, 22);
      },
      result: { readEnd: new RawFd(21), writeEnd: new RawFd(22) },
    },
  ],
});
conformance(api, {
  make: () => new op.FixedFdInstall({ descriptor: direct }),
  completions: [{ res: 12, result: new RawFd(12), carries }],
  invalid: { 'a regular descriptor': () => new op.FixedFdInstall({ descriptor: fd as never }) },
});
conformance(api, {
  make: () => new op.GetXattr({ path: 'abc', name: 'user.a' }),
  completions: [{ res: 4 }],
});
conformance(api, {
  make: (kit) => new op.FgetXattr({ descriptor: fd, name: 'user.a', memory: kit.memory(64) }),
  completions: [{ res: 4 }],
});
conformance(api, {
  make: () => new op.SetXattr({ path: 'abc', name: 'user.a', data: new Uint8Array(5) }),
});
conformance(api, {
  make: (kit) => new op.FsetXattr({ descriptor: fd, name: 'user.a', data: kit.memory(64) }),
});

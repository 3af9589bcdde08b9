import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { expect, test } from 'vitest';
import { FakeMemory, FakeRegistered } from '../../test-support/fake-memory.js';
import { compareGoldens } from '../../test-support/goldens.js';
import { dryRun } from '../dry-run.js';
import {
  Fadvise,
  Fallocate,
  FallocateMode,
  FgetXattr,
  FileAdvice,
  FsetXattr,
  Fsync,
  Ftruncate,
  GetXattr,
  LinkAt,
  Madvise,
  MemoryAdvice,
  MkdirAt,
  type OpCode,
  OpenAt,
  OpenAt2,
  OpenFlag,
  Pipe,
  ReadFixed,
  ReadMulti,
  Readv,
  ReadvFixed,
  RenameAt,
  RenameFlag,
  ResolveFlag,
  SetXattr,
  Splice,
  Statx,
  StatxMask,
  SymlinkAt,
  SyncFileRange,
  Tee,
  UnlinkAt,
  WriteFixed,
  Writev,
  WritevFixed,
} from '../index.js';

const fd = new RawFd(9);
const direct = new FixedFd(9);
const directory = new RawFd(7);
const memory = new FakeMemory(8192);
const bytes = new Uint8Array(5);
const long = 'x'.repeat(300);

/** Every entry of the group `file` of sqe-goldens.json, made by us. */
const ours: Record<string, OpCode<unknown>> = {
  openat: new OpenAt({ path: 'abc' }),
  'openat, directory, create, into slot 4': new OpenAt({
    path: 'abc',
    directory,
    flags: OpenFlag.RDWR | OpenFlag.CREAT | OpenFlag.EXCL,
    mode: 0o600,
    into: TargetFd.slot(4),
  }),
  'openat into any slot, path outside': new OpenAt({ path: long, into: TargetFd.auto }),
  openat2: new OpenAt2({ path: 'abc', directory, resolve: ResolveFlag.BENEATH }),
  'openat2 into any slot': new OpenAt2({ path: 'abc', into: TargetFd.auto }),
  statx: new Statx({ path: 'abc' }),
  'statx of a descriptor, no follow': new Statx({
    directory,
    followLinks: false,
    mask: StatxMask.SIZE,
  }),
  unlinkat: new UnlinkAt({ path: 'abc' }),
  'unlinkat, directory': new UnlinkAt({ path: 'abc', directory, removeDirectory: true }),
  mkdirat: new MkdirAt({ path: 'abc', directory, mode: 0o700 }),
  renameat: new RenameAt({
    from: 'abc',
    to: 'def',
    toDirectory: directory,
    flags: RenameFlag.NOREPLACE,
  }),
  symlinkat: new SymlinkAt({ target: 'abc', path: 'def', directory }),
  linkat: new LinkAt({ from: 'abc', to: 'def', fromDirectory: directory, followLinks: true }),
  readv: new Readv({ descriptor: fd, memory: [memory, { memory, offset: 7 }] }),
  'readv at 5000000000, array outside': new Readv({
    descriptor: fd,
    memory: new Array(17).fill(memory),
    position: 5_000_000_000,
  }),
  writev: new Writev({ descriptor: direct, data: [memory, bytes], position: 0 }),
  'read fixed': new ReadFixed({
    descriptor: fd,
    buffer: new FakeRegistered(memory, 3),
    position: 4096,
  }),
  'write fixed': new WriteFixed({
    descriptor: fd,
    memory,
    offset: 0x1000,
    length: 100,
    buffer: new FakeRegistered(memory, 65_535),
  }),
  fsync: new Fsync({ descriptor: fd }),
  'fsync, data only': new Fsync({ descriptor: fd, dataOnly: true }),
  'sync file range': new SyncFileRange({ descriptor: fd, position: 8192, length: 4096 }),
  fallocate: new Fallocate({
    descriptor: fd,
    mode: FallocateMode.KEEP_SIZE | FallocateMode.PUNCH_HOLE,
    position: 5_000_000_000,
    length: 6_000_000_000,
  }),
  fadvise: new Fadvise({
    descriptor: fd,
    advice: FileAdvice.DONTNEED,
    position: 4096,
    length: 8192,
  }),
  madvise: new Madvise({ memory, advice: MemoryAdvice.DONTNEED }),
  splice: new Splice({ from: new RawFd(8), to: fd, length: 100, fromPosition: 5_000_000_000 }),
  'splice, both direct': new Splice({
    from: new FixedFd(8),
    to: direct,
    length: 100,
    toPosition: 4096,
    more: true,
  }),
  tee: new Tee({ from: new RawFd(8), to: fd, length: 100 }),
  getxattr: new GetXattr({ path: 'abc', name: 'user.a' }),
  fgetxattr: new FgetXattr({ descriptor: fd, name: 'user.a', memory }),
  setxattr: new SetXattr({ path: 'abc', name: 'user.a', data: bytes, mode: 'create' }),
  fsetxattr: new FsetXattr({ descriptor: fd, name: 'user.a', data: memory, mode: 'replace' }),
};

// liburing 2.3 has no function for these: from what io_uring/{rw,truncate,openclose}.c of kernel 6.18 reads.
const newer: Record<string, [OpCode<unknown>, string]> = {
  'read multishot': [
    new ReadMulti({ descriptor: fd, group: 515 }),
    '2031 9 ffffffff ffffffff 0 0 0 0 0 0 203 0 0 0 0 0',
  ],
  'readv fixed': [
    new ReadvFixed({
      descriptor: fd,
      memory: [memory, memory],
      buffer: new FakeRegistered(memory, 3),
      position: 0,
    }),
    '3c 9 0 0 1000 1 2 0 0 0 3 0 0 0 0 0',
  ],
  'writev fixed': [
    new WritevFixed({ descriptor: direct, data: [memory], buffer: new FakeRegistered(memory, 3) }),
    '13d 9 ffffffff ffffffff 1000 1 1 0 0 0 3 0 0 0 0 0',
  ],
  ftruncate: [
    new Ftruncate({ descriptor: fd, length: 5_000_000_000 }),
    '37 9 2a05f200 1 0 0 0 0 0 0 0 0 0 0 0 0',
  ],
  pipe: [new Pipe(), '3e 0 0 0 1000 1 0 80000 0 0 0 0 0 0 0 0'],
  'pipe into slots 4 and 5, non-blocking': [
    new Pipe({ into: TargetFd.slot(4), nonBlocking: true }),
    '3e 0 0 0 1000 1 0 800 0 0 0 5 0 0 0 0',
  ],
  'pipe into any slots': [
    new Pipe({ into: TargetFd.auto }),
    '3e 0 0 0 1000 1 0 0 0 0 0 ffffffff 0 0 0 0',
  ],
};

compareGoldens('file', ours, newer);

test('the record has what the addresses of renameat point at', () => {
  const { record } = dryRun(ours.renameat!);
  expect(Buffer.from(record.subarray(0, 8)).toString()).toBe('abc\0def\0');
});

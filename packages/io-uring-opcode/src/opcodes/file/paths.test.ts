import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { Errno, FileType, StatxMask } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { occupy } from '../../in-flight.js';
import { OpenFlag } from '../../open-flag.js';
import { RecordMemory } from '../../record-memory.js';
import { decodeStatx, fileTimeMs } from './file-status.js';
import { LinkAt } from './link-at.js';
import { MkdirAt } from './mkdir-at.js';
import { OpenAt } from './open-at.js';
import { OpenAt2 } from './open-at2.js';
import { RenameAt } from './rename-at.js';
import { Statx } from './statx.js';
import { SymlinkAt } from './symlink-at.js';
import { UnlinkAt } from './unlink-at.js';

const directory = new RawFd(7);
const text = (record: Uint8Array, at = 0) =>
  Buffer.from(record.subarray(at, record.indexOf(0, at))).toString();

describe.each([
  ['OpenAt', OpenAt],
  ['OpenAt2', OpenAt2],
])('%s', (name, Operation) => {
  const failure = name.toLowerCase();
  test('regular descriptors are close-on-exec, direct ones must not be', () => {
    const how = (operation: OpenAt | OpenAt2) => {
      const { words, record } = dryRun(operation);
      return name === 'OpenAt' ? words[7]! : new DataView(record.buffer).getUint32(0, true);
    };
    const flags = OpenFlag.RDWR | OpenFlag.CREAT;
    expect(how(new Operation({ path: 'x', flags }))).toBe(flags | OpenFlag.CLOEXEC);
    const into = TargetFd.auto;
    expect(how(new Operation({ path: 'x', flags: flags | OpenFlag.CLOEXEC, into }))).toBe(flags);
  });

  test('complete() and discard() follow the target', () => {
    const raw = new Operation({ path: 'x' });
    const slot = new Operation({ path: 'x', into: TargetFd.slot(4) });
    const auto = new Operation({ path: 'x', into: TargetFd.auto });
    expect([raw.since, slot.since, auto.since]).toEqual(['5.6', '5.15', '5.19']);
    expect(raw.complete(fakeCqe(9))).toEqual(new RawFd(9));
    expect(slot.complete(fakeCqe(0))).toEqual(new FixedFd(4));
    expect(auto.complete(fakeCqe(3))).toEqual(new FixedFd(3));
    expect(dryRun(raw.discard(fakeCqe(9))!).words[1]).toBe(9);
    expect(dryRun(auto.discardResult(new FixedFd(3))).words[11]).toBe(4);
    expect(raw.discard(fakeCqe(-Errno.ENOENT))).toBe(null);
    expect(() => raw.complete(fakeCqe(-Errno.ENOENT))).toThrow(`${failure} failed: ENOENT`);
  });

  test('set() chooses another file', () => {
    const open = new Operation({ path: 'one' });
    const { words, record } = dryRun(open.set('two', directory));
    expect([words[1], text(record, name === 'OpenAt' ? 0 : 24)]).toEqual([7, 'two']);
    expect(dryRun(open.set('three')).words[1]! | 0).toBe(-100);
    occupy(open);
    expect(() => open.set('four')).toThrow(/the kernel holds it/);
  });

  test.each([
    [{ path: '' }, RangeError, /path must be 1 to 4095 bytes long/],
    [{ path: 5 }, TypeError, /path must be a string or a Uint8Array: current value is 5/],
    [{ directory: new FixedFd(3) }, TypeError, /directory must be a RawFd/],
    [{ flags: -1 }, RangeError, /flags/],
    [{ flags: 'r' }, TypeError, /flags must be a number: current value is "r"/],
    [{ mode: 0o10000 }, RangeError, /mode must be an integer from 0 to 4095/],
    [{ into: 0 }, TypeError, /into must be a TargetFd: current value is 0/],
  ])('refuses %j', (options, type, message) => {
    const run = () => new Operation({ path: 'x', ...options } as never);
    expect(run).toThrow(type);
    expect(run).toThrow(message);
  });
});

test('OpenAt2 has a mode only where something is created, and says how to resolve', () => {
  const how = (options: object) => {
    const { record } = dryRun(new OpenAt2({ path: 'x', ...options }));
    return [8, 16].map((at) => new DataView(record.buffer).getUint32(at, true));
  };
  expect(how({ resolve: 8 })).toEqual([0, 8]);
  expect(how({ flags: OpenFlag.CREAT })).toEqual([0o666, 0]);
  expect(how({ flags: OpenFlag.TMPFILE | OpenFlag.RDWR, mode: 0o600 })).toEqual([0o600, 0]);
  // A directory is no temporary file, although the flags share a bit.
  expect(how({ flags: OpenFlag.DIRECTORY })).toEqual([0, 0]);
  expect(() => new OpenAt2({ path: 'x', resolve: 2 ** 32 })).toThrow(/resolve/);
});

describe('Statx', () => {
  test('decodeStatx() reads every field where it is', () => {
    const bytes = new Uint8Array(256);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, StatxMask.BASIC_STATS | StatxMask.BTIME, true);
    view.setUint32(4, 4096, true);
    view.setUint32(8, 0x10, true);
    view.setUint32(0x10, 2, true);
    view.setUint32(0x14, 1000, true);
    view.setUint32(0x18, 1001, true);
    view.setUint16(0x1c, FileType.IFREG | 0o644, true);
    view.setBigUint64(0x20, 2n ** 64n - 1n, true);
    view.setBigUint64(0x28, 2n ** 40n + 3n, true);
    view.setBigUint64(0x30, 8n, true);
    view.setBigInt64(0x40, -5n, true);
    view.setUint32(0x48, 7, true);
    view.setBigInt64(0x50, 50n, true);
    view.setBigInt64(0x60, 60n, true);
    view.setBigInt64(0x70, 70n, true);
    view.setUint32(0x78, 500_000_000, true);
    for (const [i, at] of [0x80, 0x84, 0x88, 0x8c].entries()) view.setUint32(at, i + 1, true);
    const status = decodeStatx(new RecordMemory(bytes, 0, 0));
    expect(status).toEqual({
      mask: 0xfff,
      kind: 'file',
      mode: FileType.IFREG | 0o644,
      size: 2 ** 40 + 3,
      blocks: 8,
      blockBytes: 4096,
      links: 2,
      userId: 1000,
      groupId: 1001,
      inode: 2n ** 64n - 1n,
      device: { major: 3, minor: 4 },
      specialDevice: { major: 1, minor: 2 },
      accessed: { seconds: -5, nanoseconds: 7 },
      modified: { seconds: 70, nanoseconds: 500_000_000 },
      changed: { seconds: 60, nanoseconds: 0 },
      created: { seconds: 50, nanoseconds: 0 },
      attributes: 0x10,
    });
    expect(fileTimeMs(status.modified)).toBe(70_500);
    view.setUint32(0, StatxMask.BASIC_STATS, true);
    view.setUint16(0x1c, 0, true);
    const sparse = decodeStatx(new RecordMemory(bytes, 0, 0));
    expect([sparse.created, sparse.kind]).toEqual([null, 'unknown']);
  });

  test('an empty path is the descriptor itself', () => {
    const { words, record } = dryRun(new Statx({ directory, followLinks: false, sync: 'cached' }));
    expect([words[1], words[7], record[0]]).toEqual([7, 0x1000 | 0x4000 | 0x100, 0]);
    const statx = new Statx({ path: 'a', sync: 'force' });
    expect(dryRun(statx).words[7]).toBe(0x2000);
    expect(dryRun(statx.set('', directory)).words[7]).toBe(0x3000);
    expect(() => statx.set('')).toThrow(/path must be 1 to 4095 bytes long: current value is 0/);
    expect(() => statx.complete(fakeCqe(-Errno.ENOENT))).toThrow(/statx failed: ENOENT/);
    occupy(statx);
    expect(() => statx.set('b')).toThrow(/the kernel holds it/);
  });

  test.each([
    [{}, RangeError, /path/],
    [{ path: 'x', sync: 'never' }, TypeError, /sync must be as-stat, force or cached/],
    [{ path: 'x', mask: -1 }, RangeError, /mask/],
    [{ path: 'x', directory: new FixedFd(1) }, TypeError, /directory must be a RawFd/],
  ])('refuses %j', (options, type, message) => {
    const run = () => new Statx(options as never);
    expect(run).toThrow(type);
    expect(run).toThrow(message);
  });
});

describe('two paths', () => {
  test.each([
    ['RenameAt', (from: string, to: string) => new RenameAt({ from, to })],
    ['LinkAt', (from: string, to: string) => new LinkAt({ from, to })],
    ['SymlinkAt', (target: string, path: string) => new SymlinkAt({ target, path })],
  ])('of %s are in the record as far as they fit', (_, make) => {
    const { words, record } = dryRun(make('one', 'two'));
    expect([text(record), text(record, 4)]).toEqual(['one', 'two']);
    expect([words[4], words[2]]).toEqual([0x1000, 0x1004]);
    const first = dryRun(make('x'.repeat(255), 'two'));
    expect([first.words[4], first.words[5], first.words[2], first.words[3]]).toEqual([
      0x1000, 1, 0x2000, 2,
    ]);
    const second = dryRun(make('x'.repeat(256), 'two'));
    expect([second.words[4], second.words[2], text(second.record)]).toEqual([
      0x2000,
      0x1000,
      'two',
    ]);
    const both = dryRun(make('x'.repeat(256), 'y'.repeat(300)));
    expect([both.words[4], both.words[2]]).toEqual([0x2000, 0x1_2000]);
    const operation = make('one', 'two');
    expect(text(dryRun(operation.set('three', 'four')).record, 6)).toBe('four');
    expect(operation.complete(fakeCqe(0))).toBe(undefined);
    expect(() => operation.complete(fakeCqe(-Errno.EEXIST))).toThrow(/EEXIST/);
    occupy(operation);
    expect(() => operation.set('a', 'b')).toThrow(/the kernel holds it/);
    expect(() => make('', 'b')).toThrow(RangeError);
    expect(() => make('a', null as never)).toThrow(TypeError);
  });

  test('each may begin at a directory of its own', () => {
    const options = { from: 'a', to: 'b', fromDirectory: directory, toDirectory: new RawFd(8) };
    for (const operation of [new RenameAt(options), new LinkAt(options)]) {
      const { words } = dryRun(operation);
      expect([words[1], words[6]]).toEqual([7, 8]);
    }
    expect(() => new RenameAt({ ...options, flags: 2 ** 32 })).toThrow(/flags/);
    expect(() => new LinkAt({ ...options, toDirectory: new FixedFd(1) })).toThrow(/toDirectory/);
  });
});

test.each([
  ['UnlinkAt', UnlinkAt],
  ['MkdirAt', MkdirAt],
])('%s takes another name for its next submission', (name, Operation) => {
  const operation = new Operation({ path: 'one' });
  const { words, record } = dryRun(operation.set('two', directory));
  expect([words[1], text(record)]).toEqual([7, 'two']);
  expect(operation.complete(fakeCqe(0))).toBe(undefined);
  expect(() => operation.complete(fakeCqe(-Errno.EACCES))).toThrow(
    `${name.toLowerCase()} failed: EACCES`,
  );
  occupy(operation);
  expect(() => operation.set('three')).toThrow(/the kernel holds it/);
  expect(() => new Operation({ path: '' })).toThrow(RangeError);
  expect(() => new Operation({ path: 'x', mode: -1, directory: 5 } as never)).toThrow();
});

// The opcodes that take paths, against the kernel this runs on.

import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Descriptor, FixedFd, TargetFd } from '@ringbearer/io-uring-fd';
import {
  fileTimeMs,
  LinkAt,
  MkdirAt,
  OpenAt,
  OpenAt2,
  OpenFlag,
  Read,
  RenameAt,
  RenameFlag,
  ResolveFlag,
  Statx,
  SymlinkAt,
  UnlinkAt,
  Write,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { encode, KernelFixture } from '../test-support/kernel-fixture.js';

const fixture = new KernelFixture();
const { run, failure } = fixture;
/** A fresh directory, and a path in it. */
const folder = () => mkdtempSync(join(fixture.folder, 'd-'));
const opened = async (operation: OpenAt | OpenAt2): Promise<Descriptor> =>
  fixture.kept(await run(operation));
const directoryOf = (path: string) =>
  opened(new OpenAt({ path, flags: OpenFlag.DIRECTORY | OpenFlag.PATH }));
const content = async (descriptor: Descriptor): Promise<string> => {
  const memory = fixture.bearer.allocate(64);
  const { length } = await run(new Read({ descriptor, memory, position: 0 }));
  return memory.toString('utf8', 0, length);
};
/** A path of about `bytes` bytes to an existing directory. */
const deep = (bytes: number): string => {
  let path = folder();
  while (path.length < bytes) path = join(path, 'n'.repeat(Math.min(200, bytes - path.length)));
  mkdirSync(path, { recursive: true });
  return path;
};

describe.each([
  ['OpenAt', OpenAt],
  ['OpenAt2', OpenAt2],
])('%s', (_, Operation) => {
  test.each([TargetFd.raw, TargetFd.auto, TargetFd.slot(5)])(
    'creates, reads, into %#',
    async (into) => {
      const path = join(folder(), 'file');
      const flags = OpenFlag.RDWR | OpenFlag.CREAT | OpenFlag.EXCL;
      const descriptor = await opened(new Operation({ path, flags, mode: 0o600, into }));
      expect(descriptor.direct).toBe(into.direct);
      await run(new Write({ descriptor, data: encode('hello'), position: 0 }));
      expect([readFileSync(path, 'utf8'), await content(descriptor)]).toEqual(['hello', 'hello']);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(await failure(new Operation({ path, flags, into }))).toBe('EEXIST');
      if (!into.direct) {
        const info = readFileSync(`/proc/self/fdinfo/${descriptor.number}`, 'utf8');
        expect(Number.parseInt(/flags:\s+(\d+)/.exec(info)![1]!, 8) & OpenFlag.CLOEXEC).not.toBe(0);
      }
    },
  );

  test('relative to a directory, again and again', async () => {
    const path = folder();
    const directory = await directoryOf(path);
    const open = new Operation({ path: 'none', directory });
    expect(await failure(open)).toBe('ENOENT');
    for (const name of ['one', 'zwei ä', 'b\u{1f600}']) {
      writeFileSync(join(path, name), name);
      expect(await content(await opened(open.set(name, directory)))).toBe(name);
    }
    expect(
      await failure(open.set('x', await opened(new OpenAt({ path: join(path, 'one') })))),
    ).toBe('ENOTDIR');
  });

  test('names that are no UTF-8, and paths longer than a record', async () => {
    const path = folder();
    const bytes = Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff, 0xfe])]);
    writeFileSync(bytes, 'odd');
    expect(await content(await opened(new Operation({ path: bytes })))).toBe('odd');
    const long = deep(3000);
    writeFileSync(join(long, 'far'), 'far');
    expect(await content(await opened(new Operation({ path: join(long, 'far') })))).toBe('far');
    expect(await failure(new Operation({ path: `${path}/${'n'.repeat(256)}` }))).toBe(
      'ENAMETOOLONG',
    );
  });

  test('an unnamed file', async () => {
    const path = folder();
    const descriptor = await opened(
      new Operation({ path, flags: OpenFlag.TMPFILE | OpenFlag.RDWR, mode: 0o600 }),
    );
    await run(new Write({ descriptor, data: encode('x') }));
    expect([await content(descriptor), readdirSync(path)]).toEqual(['x', []]);
  });
});

describe('OpenAt2', () => {
  test('BENEATH holds whatever the path says', async () => {
    const path = folder();
    const directory = await directoryOf(path);
    writeFileSync(join(path, 'inside'), 'inside');
    symlinkSync('/etc/passwd', join(path, 'absolute'));
    symlinkSync('../outside', join(path, 'relative'));
    symlinkSync('inside', join(path, 'fine'));
    const open = new OpenAt2({ path: 'inside', directory, resolve: ResolveFlag.BENEATH });
    expect(await content(await opened(open))).toBe('inside');
    expect(await content(await opened(open.set('fine', directory)))).toBe('inside');
    for (const name of ['absolute', 'relative', '../x', '/etc/passwd', 'inside/../../x']) {
      const code = await failure(open.set(name, directory));
      expect([name, ['EXDEV', 'ENOTDIR'].includes(code)]).toEqual([name, true]);
    }
    expect(
      await failure(new OpenAt2({ path: 'fine', directory, resolve: ResolveFlag.NO_SYMLINKS })),
    ).toBe('ELOOP');
    const root = new OpenAt2({ path: '/inside', directory, resolve: ResolveFlag.IN_ROOT });
    expect(await content(await opened(root))).toBe('inside');
  });

  test('refuses flags openat(2) would ignore', async () => {
    expect(await failure(new OpenAt2({ path: fixture.folder, resolve: 0x8000_0000 }))).toBe(
      'EINVAL',
    );
    expect(await failure(new OpenAt2({ path: fixture.folder, mode: 0o600 }))).toBe('EINVAL');
  });
});

describe('Statx', () => {
  test('says what node:fs says', async () => {
    const path = join(folder(), 'file');
    writeFileSync(path, 'x'.repeat(12_345), { mode: 0o640 });
    const expected = statSync(path, { bigint: true });
    const status = await run(new Statx({ path }));
    expect(status).toMatchObject({
      kind: 'file',
      mode: Number(expected.mode),
      size: 12_345,
      blocks: Number(expected.blocks),
      blockBytes: Number(expected.blksize),
      links: 1,
      userId: Number(expected.uid),
      groupId: Number(expected.gid),
      inode: expected.ino,
    });
    const nanoseconds = (time: { seconds: number; nanoseconds: number }) =>
      BigInt(time.seconds) * 1_000_000_000n + BigInt(time.nanoseconds);
    expect(nanoseconds(status.modified)).toBe(expected.mtimeNs);
    expect(nanoseconds(status.accessed)).toBe(expected.atimeNs);
    expect(nanoseconds(status.changed)).toBe(expected.ctimeNs);
    if (status.created !== null) expect(nanoseconds(status.created)).toBe(expected.birthtimeNs);
    expect(fileTimeMs(status.modified)).toBeCloseTo(Number(expected.mtimeNs) / 1e6, 3);
    const { major, minor } = status.device;
    expect(expected.dev).toBe(BigInt(major) * 256n + BigInt(minor));
  });

  test('of links, devices, descriptors and long paths', async () => {
    const path = folder();
    symlinkSync('none', join(path, 'link'));
    const statx = new Statx({ path: join(path, 'link'), followLinks: false });
    expect((await run(statx)).kind).toBe('link');
    expect(await failure(new Statx({ path: join(path, 'link') }))).toBe('ENOENT');
    const zero = await run(new Statx({ path: '/dev/zero' }));
    expect([zero.kind, zero.specialDevice]).toEqual(['character-device', { major: 1, minor: 5 }]);
    const directory = await directoryOf(path);
    expect((await run(new Statx({ directory }))).kind).toBe('directory');
    expect((await run(statx.set('link', directory))).kind).toBe('link');
    expect((await run(new Statx({ path: deep(2000), sync: 'cached' }))).kind).toBe('directory');
    expect((await run(new Statx({ path: `${'x'.repeat(254)}/y` }).set(path))).kind).toBe(
      'directory',
    );
  });
});

describe('names', () => {
  test('MkdirAt and UnlinkAt make and remove directories', async () => {
    const path = folder();
    const directory = await directoryOf(path);
    const make = new MkdirAt({ path: 'one', directory, mode: 0o700 });
    await run(make);
    expect(await failure(make)).toBe('EEXIST');
    expect(statSync(join(path, 'one')).mode & 0o777).toBe(0o700);
    await run(make.set(join(path, 'one', 'two')));
    expect(await failure(make.set(join(path, 'none', 'x')))).toBe('ENOENT');
    const file = new UnlinkAt({ path: 'one', directory });
    expect(['EISDIR', 'EPERM']).toContain(await failure(file));
    const remove = new UnlinkAt({ path: 'one', directory, removeDirectory: true });
    expect(await failure(remove)).toBe('ENOTEMPTY');
    await run(remove.set(join(path, 'one', 'two')));
    await run(remove.set('one', directory));
    writeFileSync(join(path, 'file'), '');
    expect(await failure(remove.set('file', directory))).toBe('ENOTDIR');
    await run(file.set('file', directory));
    expect(await failure(file)).toBe('ENOENT');
    expect(readdirSync(path)).toEqual([]);
  });

  test('RenameAt replaces, refuses to, or exchanges', async () => {
    const path = folder();
    const directory = await directoryOf(path);
    const names = { from: 'a', to: 'b', fromDirectory: directory, toDirectory: directory };
    const write = (name: string) => writeFileSync(join(path, name), name);
    write('a');
    write('b');
    expect(await failure(new RenameAt({ ...names, flags: RenameFlag.NOREPLACE }))).toBe('EEXIST');
    await run(new RenameAt({ ...names, flags: RenameFlag.EXCHANGE }));
    expect(readFileSync(join(path, 'a'), 'utf8')).toBe('b');
    const rename = new RenameAt(names);
    await run(rename);
    expect([readdirSync(path), readFileSync(join(path, 'b'), 'utf8')]).toEqual([['b'], 'b']);
    const far = join(deep(600), 'far');
    await run(new RenameAt({ from: join(path, 'b'), to: far }));
    expect(readFileSync(far, 'utf8')).toBe('b');
    expect(await failure(rename)).toBe('ENOENT');
    expect(await failure(new RenameAt({ from: far, to: '/proc/x' }))).toBe('EXDEV');
  });

  test('SymlinkAt and LinkAt', async () => {
    const path = folder();
    const directory = await directoryOf(path);
    const target = 't'.repeat(300);
    const link = new SymlinkAt({ target, path: 'link', directory });
    await run(link);
    expect(readlinkSync(join(path, 'link'))).toBe(target);
    expect(await failure(link)).toBe('EEXIST');
    writeFileSync(join(path, 'file'), 'x');
    await run(link.set('file', 'good'));
    const hard = new LinkAt({
      from: 'good',
      to: 'hard',
      fromDirectory: directory,
      toDirectory: directory,
    });
    await run(hard);
    expect(lstatSync(join(path, 'hard')).isSymbolicLink()).toBe(true);
    await run(
      new LinkAt({ from: join(path, 'good'), to: join(path, 'followed'), followLinks: true }),
    );
    expect(lstatSync(join(path, 'followed')).ino).toBe(statSync(join(path, 'file')).ino);
    expect(await failure(hard)).toBe('EEXIST');
    expect(existsSync(join(path, 'none'))).toBe(false);
    expect(await failure(hard.set('none', 'x'))).toBe('ENOENT');
  });
});

test('a slot holds the file until it is closed', async () => {
  const path = join(folder(), 'file');
  writeFileSync(path, 'kept');
  const descriptor = await opened(new OpenAt({ path, into: TargetFd.slot(3) }));
  expect(descriptor).toEqual(new FixedFd(3));
  await run(new UnlinkAt({ path }));
  expect(await content(descriptor)).toBe('kept');
});

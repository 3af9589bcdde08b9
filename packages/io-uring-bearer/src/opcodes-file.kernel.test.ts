// The opcodes that move and keep the bytes of files and pipes, against the kernel this runs on.

import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Descriptor, FixedFd, TargetFd } from '@ringbearer/io-uring-fd';
import {
  Close,
  Fadvise,
  Fallocate,
  FallocateMode,
  FgetXattr,
  FileAdvice,
  FsetXattr,
  Fsync,
  Ftruncate,
  GetXattr,
  Madvise,
  MemoryAdvice,
  OpenAt,
  OpenFlag,
  Pipe,
  Read,
  ReadMulti,
  Readv,
  SetXattr,
  Splice,
  SubmissionFlags,
  SyncFileRange,
  SyncRangeFlag,
  Tee,
  Write,
  Writev,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, type TestContext, test } from 'vitest';
import { encode, KernelFixture, openDescriptors, sleep } from '../test-support/kernel-fixture.js';

const fixture = new KernelFixture();
const { run, failure } = fixture;
let files = 0;
const newPath = () => join(fixture.folder, `file-${files++}`);
const open = async (path: string, into = TargetFd.raw): Promise<Descriptor> =>
  fixture.kept(await run(new OpenAt({ path, flags: OpenFlag.RDWR | OpenFlag.CREAT, into })));
const pipe = async (context: TestContext, into = TargetFd.raw) => {
  fixture.needs(context, 'PIPE');
  const { readEnd, writeEnd } = await run(new Pipe({ into }));
  return [fixture.kept(readEnd), fixture.kept(writeEnd)] as const;
};
const text = async (descriptor: Descriptor, length = 64) => {
  const memory = fixture.bearer.allocate(64);
  const got = await run(new Read({ descriptor, memory, length }));
  return memory.toString('utf8', 0, got.length);
};

describe('Readv and Writev', () => {
  test.each([TargetFd.raw, TargetFd.auto])('scatter and gather, into %#', async (into) => {
    const descriptor = await open(newPath(), into);
    const lease = fixture.bearer.allocate(8);
    lease.fill(encode('01234567'));
    const write = new Writev({
      descriptor,
      data: [encode('ab'), { memory: lease, offset: 2, length: 3 }, encode(''), encode('yz')],
      position: 0,
    });
    expect(await run(write)).toBe(7);
    const [one, two] = [fixture.bearer.allocate(4), fixture.bearer.allocate(64)];
    const read = new Readv({ descriptor, memory: [one, { memory: two, offset: 1 }], position: 0 });
    expect(await run(read)).toBe(7);
    expect([one.toString(), two.toString('utf8', 1, 4)]).toEqual(['ab23', '4yz']);
    expect([one.owner.name, two.owner.name]).toEqual(['Returned', 'Returned']);
    one.reuse();
    two.reuse();
    read.position = 5;
    expect(await run(read)).toBe(2);
  });

  test('many parts, more than the record holds', async () => {
    const descriptor = await open(newPath());
    for (const count of [16, 17, 300, 1024]) {
      const parts = Array.from({ length: count }, (_, i) => encode(`${i},`));
      const whole = Buffer.concat(parts);
      expect(await run(new Writev({ descriptor, data: parts, position: 0 }))).toBe(whole.length);
      const leases = Array.from({ length: Math.min(count, 100) }, () => fixture.bearer.allocate(7));
      const got = await run(new Readv({ descriptor, memory: leases, position: 0 }));
      const read = Buffer.concat(leases.map((lease) => lease.toBytes())).subarray(0, got);
      expect(read.equals(whole.subarray(0, got))).toBe(true);
      expect(got).toBe(Math.min(whole.length, leases.length * 7));
    }
  });

  test('a link of one before the sync of it', async () => {
    const path = newPath();
    const descriptor = await open(path);
    const written = fixture.bearer.submit(new Writev({ descriptor, data: [encode('synced')] }), {
      flags: SubmissionFlags.LINK,
    });
    await run(new Fsync({ descriptor }));
    expect([await written, readFileSync(path, 'utf8')]).toEqual([6, 'synced']);
  });

  test('a directory cannot be read, memory comes back all the same', async () => {
    const descriptor = fixture.kept(await run(new OpenAt({ path: fixture.folder })));
    const memory = fixture.bearer.allocate(8);
    expect(await failure(new Readv({ descriptor, memory: [memory] }))).toBe('EISDIR');
    expect(memory.owner.name).toBe('Returned');
  });
});

describe('upkeep of a file', () => {
  test('Fallocate, Ftruncate and their errors', async (context) => {
    fixture.needs(context, 'FTRUNCATE');
    const path = newPath();
    const descriptor = await open(path);
    const allocate = new Fallocate({ descriptor, position: 4096, length: 8192 });
    await run(allocate);
    expect(statSync(path).size).toBe(12_288);
    const keep = new Fallocate({ descriptor, length: 65_536, mode: FallocateMode.KEEP_SIZE });
    await run(keep);
    expect(statSync(path).size).toBe(12_288);
    const truncate = new Ftruncate({ descriptor, length: 5 });
    await run(truncate);
    expect(statSync(path).size).toBe(5);
    await run(truncate.set(descriptor, 5_000_000_000));
    expect(statSync(path).size).toBe(5_000_000_000);
    const readOnly = fixture.kept(await run(new OpenAt({ path })));
    expect(await failure(truncate.set(readOnly, 1))).toBe('EINVAL');
    expect(await failure(new Fallocate({ descriptor: readOnly, length: 1 }))).toBe('EBADF');
    expect(await failure(new Fallocate({ descriptor, length: 1, mode: 0x4000_0000 }))).toBe(
      'EOPNOTSUPP',
    );
  });

  test('a punched hole reads as zeros', async () => {
    const path = newPath();
    writeFileSync(path, Buffer.alloc(16_384, 'x'));
    const descriptor = await open(path);
    const mode = FallocateMode.PUNCH_HOLE | FallocateMode.KEEP_SIZE;
    await run(new Fallocate({ descriptor, position: 4096, length: 4096, mode }));
    const content = readFileSync(path);
    expect([content.length, content.indexOf(0), content.lastIndexOf(0)]).toEqual([
      16_384, 4096, 8191,
    ]);
  });

  test('Fsync and SyncFileRange', async () => {
    const descriptor = await open(newPath(), TargetFd.auto);
    await run(new Write({ descriptor, data: new Uint8Array(20_000) }));
    await run(new Fsync({ descriptor }));
    await run(new Fsync({ descriptor, dataOnly: true, position: 4096, length: 4096 }));
    const { WAIT_BEFORE, WRITE, WAIT_AFTER } = SyncRangeFlag;
    const sync = new SyncFileRange({ descriptor, flags: WAIT_BEFORE | WRITE | WAIT_AFTER });
    await run(sync);
    await run(sync.set(4096, 8192));
    expect(await failure(new SyncFileRange({ descriptor, flags: 8 }))).toBe('EINVAL');
    const zero = fixture.kept(await run(new OpenAt({ path: '/dev/zero' })));
    expect(await failure(new Fsync({ descriptor: zero }))).toBe('EINVAL');
    expect(await failure(new SyncFileRange({ descriptor: zero }))).toBe('ESPIPE');
  });

  test('Fadvise and Madvise', async (context) => {
    const descriptor = await open(newPath());
    await run(new Write({ descriptor, data: new Uint8Array(20_000) }));
    for (const advice of Object.values(FileAdvice)) {
      const advise = new Fadvise({ descriptor, advice });
      expect(await run(advise)).toBe(undefined);
      await run(advise.set(4096, 8192));
    }
    expect(await failure(new Fadvise({ descriptor, advice: 99 }))).toBe('EINVAL');
    const memory = fixture.bearer.allocate(8192);
    memory.fill(randomBytes(8192));
    await run(new Madvise({ memory, advice: MemoryAdvice.DONTNEED }));
    expect(memory.toBytes().every((byte) => byte === 0)).toBe(true);
    const [readEnd] = await pipe(context);
    expect(await failure(new Fadvise({ descriptor: readEnd, advice: 0 }))).toBe('ESPIPE');
  });
});

describe('Pipe', () => {
  test.for([TargetFd.raw, TargetFd.auto, TargetFd.slot(4)])(
    'joins its ends, into %#',
    async (into, context) => {
      const before = openDescriptors();
      const [readEnd, writeEnd] = await pipe(context, into);
      expect([readEnd.direct, writeEnd.direct]).toEqual([into.direct, into.direct]);
      if (into.direct) expect(openDescriptors()).toBe(before);
      if (into.direct && !into.automatic) {
        expect([readEnd, writeEnd]).toEqual([new FixedFd(4), new FixedFd(5)]);
      }
      await run(new Write({ descriptor: writeEnd, data: encode('through') }));
      expect(await text(readEnd)).toBe('through');
      if (into.direct) return;
      for (const { number } of [readEnd, writeEnd]) {
        const info = readFileSync(`/proc/self/fdinfo/${number}`, 'utf8');
        const flags = Number.parseInt(/flags:\s+(\d+)/.exec(info)![1]!, 8);
        expect(flags & (OpenFlag.CLOEXEC | OpenFlag.NONBLOCK)).toBe(OpenFlag.CLOEXEC);
      }
    },
  );

  test('fails where there are no slots left', async (context) => {
    fixture.needs(context, 'PIPE');
    expect(await failure(new Pipe({ into: TargetFd.slot(15) }))).toBe('EINVAL');
  });
});

describe('Splice and Tee', () => {
  test('a file goes through a pipe into another', async (context) => {
    const [source, target] = [newPath(), newPath()];
    const content = randomBytes(100_000);
    writeFileSync(source, content);
    const from = await open(source, TargetFd.auto);
    const to = await open(target);
    const [readEnd, writeEnd] = await pipe(context, TargetFd.auto);
    const fill = new Splice({ from, to: writeEnd, length: 65_536, fromPosition: 0 });
    const empty = new Splice({ from: readEnd, to, length: 65_536, toPosition: 0 });
    for (let at = 0; at < content.length; ) {
      const moved = await run(fill.setRange(65_536, at));
      for (let left = moved; left > 0; ) {
        left -= await run(empty.setRange(left, -1, at + moved - left));
      }
      at += moved;
    }
    expect(readFileSync(target).equals(content)).toBe(true);
    expect(await failure(new Splice({ from, to, length: 10 }))).toBe('EINVAL');
    expect(await failure(new Splice({ from, to: writeEnd, length: 10, toPosition: 5 }))).toBe(
      'ESPIPE',
    );
  });

  test('a splice that waits in a worker thread of the kernel is cancelled by name', async (context) => {
    fixture.needs(context, 'PIPE');
    const { readEnd, writeEnd } = await run(new Pipe());
    const { readEnd: other, writeEnd: to } = await run(new Pipe());
    for (const end of [readEnd, writeEnd, other, to]) fixture.kept(end);
    const splice = () => new Splice({ from: readEnd, to, length: 10 });
    // Once it waits in there the kernel answers ERESTARTSYS, which no program is meant to see.
    const waiting = splice();
    const ended = failure(waiting);
    await sleep(50);
    fixture.bearer.cancel(waiting);
    expect(await ended).toBe('EINTR');

    const leaving = new AbortController();
    const aborted = fixture.bearer.submit(splice(), { signal: leaving.signal });
    setTimeout(() => leaving.abort(new Error('enough')), 50);
    await expect(aborted).rejects.toThrow('enough');
  });

  test('a pipe is duplicated and keeps its bytes', async (context) => {
    const [one, two] = [await pipe(context), await pipe(context, TargetFd.auto)];
    await run(new Write({ descriptor: one[1], data: encode('twice') }));
    const tee = new Tee({ from: one[0], to: two[1], length: 100 });
    expect(await run(tee)).toBe(5);
    expect([await text(one[0]), await text(two[0])]).toEqual(['twice', 'twice']);
    expect(await failure(new Tee({ from: one[0], to: one[1], length: 5 }))).toBe('EINVAL');
  });
});

describe('ReadMulti', () => {
  test.for([TargetFd.raw, TargetFd.auto])(
    'reads whenever there is something, into %#',
    async (into, context) => {
      fixture.needs(context, 'PIPE', 'READ_MULTISHOT');
      const { readEnd, writeEnd } = await run(new Pipe({ into }));
      fixture.kept(readEnd);
      const ring = fixture.bearer.buffers.ring({ count: 2, bufferBytes: 16 });
      const stream = fixture.bearer.stream(
        new ReadMulti({ descriptor: readEnd, group: ring.group }),
      );
      for (let i = 0; i < 10; i++) {
        await run(new Write({ descriptor: writeEnd, data: encode(`tick ${i}`) }));
        const { value } = await stream.next();
        const lease = ring.lease(value.bufferId, value.length);
        expect(lease.toString()).toBe(`tick ${i}`);
        lease.release();
      }
      await run(new Close({ descriptor: writeEnd }));
      expect(await stream.next()).toEqual({ value: undefined, done: true });
    },
  );

  test('regular files are refused', async () => {
    const descriptor = await open(newPath());
    const ring = fixture.bearer.buffers.ring({ count: 2, bufferBytes: 16 });
    const stream = fixture.bearer.stream(new ReadMulti({ descriptor, group: ring.group }));
    await expect(stream.next()).rejects.toMatchObject({ code: 'EBADFD' });
  });
});

describe('extended attributes', () => {
  const supported = async (context: TestContext, path: string) => {
    writeFileSync(path, '');
    const code = await failure(new SetXattr({ path, name: 'user.probe', data: encode('x') }));
    if (code === 'EOPNOTSUPP')
      context.skip('the file system of the temporary folder has no user attributes');
    expect(code).toBe('no error');
  };

  test('by path: created, read, replaced', async (context) => {
    const path = newPath();
    await supported(context, path);
    const name = 'user.mime';
    const get = new GetXattr({ path, name });
    expect(await failure(get)).toBe('ENODATA');
    expect(await failure(new SetXattr({ path, name, data: encode('x'), mode: 'replace' }))).toBe(
      'ENODATA',
    );
    const create = new SetXattr({ path, name, data: encode('text/html'), mode: 'create' });
    await run(create);
    expect(await failure(create)).toBe('EEXIST');
    expect(await run(get)).toEqual({ length: 9, value: encode('text/html') });
    await run(new SetXattr({ path, name, data: new Uint8Array(0), mode: 'replace' }));
    expect(await run(get)).toEqual({ length: 0, value: new Uint8Array(0) });
    expect(await failure(new GetXattr({ path: `${path}-none`, name }))).toBe('ENOENT');
    expect(await failure(new GetXattr({ path, name: 'nonsense' }))).toBe('EOPNOTSUPP');
  });

  test('by descriptor, with values longer than the record', async (context) => {
    const path = newPath();
    await supported(context, path);
    const descriptor = await open(path);
    const name = `user.${'n'.repeat(240)}`;
    const value = fixture.bearer.allocate(1000);
    value.fill(randomBytes(1000));
    await run(new FsetXattr({ descriptor, name, data: value }));
    expect(value.owner.name).toBe('Returned');
    expect(await failure(new FgetXattr({ descriptor, name }))).toBe('ERANGE');
    const memory = fixture.bearer.allocate(2000);
    const got = await run(new FgetXattr({ descriptor, name, memory, offset: 100 }));
    expect(got).toEqual({ length: 1000, value: null });
    expect(Buffer.compare(memory.toBytes().subarray(100, 1100), value.toBytes())).toBe(0);
    const exact = randomBytes(256);
    await run(new FsetXattr({ descriptor, name, data: exact }));
    expect((await run(new FgetXattr({ descriptor, name }))).value).toEqual(new Uint8Array(exact));
  });
});

// The opcodes that take a registered buffer, against the kernel this runs on.

import { constants, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Descriptor, TargetFd } from '@ringbearer/io-uring-fd';
import {
  AddressFamily,
  AsyncCancel,
  OpenAt,
  OpenFlag,
  Pipe,
  ReadFixed,
  ReadvFixed,
  SendMsgZc,
  SendZc,
  SocketType,
  WriteFixed,
  WritevFixed,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, type TestContext, test } from 'vitest';
import { encode, KernelFixture } from '../test-support/kernel-fixture.js';

const fixture = new KernelFixture();
const { run, failure } = fixture;
let files = 0;
const newPath = () => join(fixture.folder, `file-${files++}`);
const open = async (path: string, into = TargetFd.raw, flags = 0): Promise<Descriptor> =>
  fixture.kept(
    await run(new OpenAt({ path, flags: OpenFlag.RDWR | OpenFlag.CREAT | flags, into })),
  );

describe('ReadFixed and WriteFixed', () => {
  test.each([TargetFd.raw, TargetFd.auto])('move bytes of one lease, into %#', async (into) => {
    const path = newPath();
    const descriptor = await open(path, into);
    const lease = fixture.bearer.allocate(100);
    const buffer = fixture.bearer.buffers.fixed.add(lease);
    expect(lease.owner.name).toBe('Registered');
    lease.fill(encode('0123456789'));
    const write = new WriteFixed({ descriptor, buffer, offset: 2, length: 5, position: 3 });
    const written = run(write);
    expect([lease.owner.name, buffer.users]).toEqual(['Kernel', 1]);
    expect(await written).toBe(5);
    expect([lease.owner.name, buffer.users]).toEqual(['Returned', 0]);
    expect(readFileSync(path, 'latin1')).toBe('\0\0\x0023456');
    lease.reuse();
    const read = new ReadFixed({ descriptor, buffer, offset: 50, length: 50, position: 4 });
    expect(await run(read)).toBe(4);
    expect(lease.toString('latin1', 50, 54)).toBe('3456');
    read.position = 8;
    lease.reuse();
    expect(await run(read)).toBe(0);
  });

  test('use any lease of a pool that was registered as one', async () => {
    const path = newPath();
    const descriptor = await open(path);
    const pool = fixture.bearer.buffers.pool({ count: 4, bufferBytes: 4096 });
    const buffer = fixture.bearer.buffers.fixed.add(pool);
    expect(fixture.bearer.buffers.fixed.used).toBe(1);
    const leases = [pool.take(), pool.take(), pool.take()];
    await Promise.all(
      leases.map((memory, i) => {
        memory.fill(new Uint8Array(4096).fill(65 + i));
        return run(new WriteFixed({ descriptor, buffer, memory, position: i * 4096 }));
      }),
    );
    expect(readFileSync(path, 'latin1')).toBe(
      'A'.repeat(4096) + 'B'.repeat(4096) + 'C'.repeat(4096),
    );
    const target = pool.take();
    const read = new ReadFixed({ descriptor, buffer, memory: target, length: 4, position: 4094 });
    expect(await run(read)).toBe(4);
    expect(target.toString('latin1', 0, 4)).toBe('AABB');
    leases[0]!.reuse();
    expect(await run(read.set(leases[0]!, 10, 1))).toBe(1);
    expect(leases[0]!.toString('latin1', 9, 12)).toBe('AAA');
    expect(String.fromCharCode(leases[0]!.at(10))).toBe('A');
  });

  test('work with O_DIRECT', async (context) => {
    const path = newPath();
    const bytes = new Uint8Array(8192).map((_, i) => i * 7);
    writeFileSync(path, bytes);
    let descriptor: Descriptor;
    try {
      descriptor = await open(path, TargetFd.raw, constants.O_DIRECT);
    } catch (error) {
      context.skip(`no O_DIRECT on the temporary folder: ${(error as Error).message}`);
    }
    const lease = fixture.bearer.allocate(8192); // a mapping of its own: aligned to a page
    const buffer = fixture.bearer.buffers.fixed.add(lease);
    expect(await run(new ReadFixed({ descriptor: descriptor!, buffer, position: 0 }))).toBe(8192);
    expect(lease.toBytes()).toEqual(bytes);
  });

  test('a cancelled read gives the memory and the buffer back', async (context) => {
    fixture.needs(context, 'PIPE');
    const { readEnd, writeEnd } = await run(new Pipe());
    fixture.kept(writeEnd);
    const descriptor = fixture.kept(readEnd);
    const lease = fixture.bearer.allocate(16);
    const { fixed } = fixture.bearer.buffers;
    const buffer = fixed.add(lease);
    const read = new ReadFixed({ descriptor, buffer });
    const ended = failure(read);
    expect(() => buffer.remove()).toThrow(expect.objectContaining({ code: 'BUFFER_IN_USE' }));
    expect(() => fixed.update(buffer, fixture.bearer.allocate(16))).toThrow(/an operation uses it/);
    expect(() => lease.release()).toThrow(expect.objectContaining({ code: 'OWNER_KERNEL' }));
    await run(new AsyncCancel({ key: read }));
    expect(await ended).toBe('ECANCELED');
    expect([lease.owner.name, buffer.users]).toEqual(['Returned', 0]);
    buffer.remove();
    expect(() => fixture.bearer.push(read)).toThrow(
      expect.objectContaining({ code: 'BUFFER_NOT_REGISTERED' }),
    );
    expect(lease.owner.name).toBe('Returned');
  });

  test('a buffer of another ring is refused before the kernel sees it', async () => {
    const other = (await import('../src/index.js')).UringBearer.withCapacity({ CoreQueue: 8 });
    const descriptor = await open(newPath());
    const lease = other.allocate(16);
    const read = new ReadFixed({ descriptor, buffer: other.buffers.fixed.add(lease) });
    const { submitted } = fixture.bearer.stats();
    expect(() => fixture.bearer.push(read)).toThrow(/in the table of another: clone it/);
    expect(fixture.bearer.stats().submitted).toBe(submitted);
    expect([lease.owner.name, read.inFlight]).toEqual(['Taken', false]);
    other.buffers.fixed.at(0)!.remove(); // not in use
    await other.close();
  });

  test('the kernel checks as well: EFAULT for an index that holds something else', async () => {
    const descriptor = await open(newPath());
    const lease = fixture.bearer.allocate(64);
    fixture.bearer.buffers.fixed.add(fixture.bearer.allocate(64));
    const wrong = {
      index: 0,
      ring: null,
      whole: lease,
      contains: () => true,
      begin() {},
      end() {},
    };
    const empty = { ...wrong, index: 7 };
    const data = [lease];
    for (const operation of [
      new ReadFixed({ descriptor, buffer: wrong, position: 0 }),
      new WriteFixed({ descriptor, buffer: empty, position: 0 }),
      new ReadvFixed({ descriptor, memory: data, buffer: empty, position: 0 }),
      new WritevFixed({ descriptor, data, buffer: wrong, position: 0 }),
    ]) {
      if (!fixture.bearer.probe().has(operation.name)) continue;
      expect([operation.name, await failure(operation)]).toEqual([operation.name, 'EFAULT']);
      expect(lease.owner.name).toBe('Returned');
      lease.reuse();
    }
  });
});

describe('ReadvFixed and WritevFixed', () => {
  const needs = (context: TestContext) => fixture.needs(context, 'READV_FIXED', 'WRITEV_FIXED');

  test.for([2, 16, 40])('move bytes of %i parts', async (parts, context) => {
    needs(context);
    const path = newPath();
    const descriptor = await open(path);
    const pool = fixture.bearer.buffers.pool({ count: parts, bufferBytes: 100 });
    const buffer = fixture.bearer.buffers.fixed.add(pool);
    const leases = Array.from({ length: parts }, () => pool.take());
    leases.forEach((lease, i) => {
      lease.fill(new Uint8Array(100).fill(33 + i));
    });
    const data = leases.map((memory) => ({ memory, offset: 10, length: 3 }));
    const write = new WritevFixed({ descriptor, data, buffer, position: 0 });
    const written = run(write);
    expect([buffer.users, leases.at(-1)!.owner.name]).toEqual([1, 'Kernel']);
    expect(await written).toBe(3 * parts);
    const text = leases.map((_, i) => String.fromCharCode(33 + i).repeat(3)).join('');
    expect(readFileSync(path, 'latin1')).toBe(text);
    for (const lease of leases) lease.reuse();
    const memory = leases.toReversed?.() ?? [...leases].reverse();
    const read = new ReadvFixed({
      descriptor,
      buffer,
      memory: memory.map((lease) => ({ memory: lease, length: 3 })),
      position: 0,
    });
    expect(await run(read)).toBe(3 * parts);
    expect(memory.map((lease) => lease.toString('latin1', 0, 3)).join('')).toBe(text);
    expect(buffer.users).toBe(0);
  });

  test('an owner that refuses leaves the buffer unused', async (context) => {
    needs(context);
    const descriptor = await open(newPath());
    const pool = fixture.bearer.buffers.pool({ count: 2, bufferBytes: 8 });
    const buffer = fixture.bearer.buffers.fixed.add(pool);
    const [first, second] = [pool.take(), pool.take()];
    const read = new ReadvFixed({ descriptor, buffer, memory: [first, second] });
    second.release();
    expect(() => fixture.bearer.push(read)).toThrow(
      expect.objectContaining({ code: 'BUFFER_RELEASED' }),
    );
    expect([first.owner.name, buffer.users]).toEqual(['Taken', 0]);
  });
});

describe('SendZc and SendMsgZc', () => {
  test('send from a registered buffer, whose memory is free after the notification', async (context) => {
    fixture.needs(context, 'SEND_ZC');
    const { ours, theirs } = await fixture.tcp();
    let text = '';
    const whole = new Promise<void>((resolve) => {
      theirs.on('data', (chunk) => {
        text += chunk;
        if (text.length === 70_000) resolve();
      });
    });
    const pool = fixture.bearer.buffers.pool({ count: 2, bufferBytes: 65_536 });
    const buffer = fixture.bearer.buffers.fixed.add(pool);
    const [first, second] = [pool.take(), pool.take()];
    first.fill(new Uint8Array(65_536).fill(97));
    second.fill(new Uint8Array(65_536).fill(98));
    const send = new SendZc({ socket: ours, data: first, buffer });
    const sent = run(send);
    expect([first.owner.name, buffer.users]).toEqual(['Kernel', 1]);
    expect(await sent).toMatchObject({ length: 65_536, released: true });
    expect([first.owner.name, buffer.users]).toEqual(['Returned', 0]);
    expect(await run(send.set(second, 100, 4464))).toMatchObject({ length: 4464 });
    await whole;
    expect(text).toBe('a'.repeat(65_536) + 'b'.repeat(4464));
    theirs.destroy();
  });

  test('send several parts of a registered buffer', async (context) => {
    fixture.needs(context, 'SENDMSG_ZC', 'READV_FIXED'); // of one release
    const { ours, theirs } = await fixture.tcp();
    let text = '';
    const whole = new Promise<void>((resolve) => {
      theirs.on('data', (chunk) => {
        text += chunk;
        if (text.length === 9) resolve();
      });
    });
    const pool = fixture.bearer.buffers.pool({ count: 3, bufferBytes: 64 });
    const buffer = fixture.bearer.buffers.fixed.add(pool);
    const data = ['one', 'two', 'six'].map((word) => {
      const memory = pool.take();
      memory.fill(encode(word));
      return { memory, length: 3 };
    });
    const send = new SendMsgZc({ socket: ours, data, buffer });
    expect(await run(send)).toMatchObject({ length: 9, released: true });
    expect([data[2]!.memory.owner.name, buffer.users]).toEqual(['Returned', 0]);
    await whole;
    expect(text).toBe('onetwosix');
    theirs.destroy();
  });

  test('a buffer in flight stays until the notification', async (context) => {
    fixture.needs(context, 'SEND_ZC');
    const { ours, theirs } = await fixture.tcp();
    const lease = fixture.bearer.allocate(4096);
    const buffer = fixture.bearer.buffers.fixed.add(lease);
    const send = new SendZc({ socket: ours, data: lease, buffer });
    const seen: [boolean, string][] = [];
    await new Promise<void>((resolve) => {
      send.handler = (cqe) => {
        let removed = 'removed';
        try {
          buffer.remove();
        } catch (error) {
          removed = (error as { code: string }).code;
        }
        seen.push([cqe.notification, removed]);
        if (!cqe.more) resolve();
      };
      fixture.bearer.push(send);
    });
    expect(seen).toEqual([
      [false, 'BUFFER_IN_USE'],
      [true, 'removed'],
    ]);
    theirs.destroy();
  });

  test('an index that holds nothing is EFAULT, and memory comes back', async (context) => {
    fixture.needs(context, 'SEND_ZC');
    const socket = await fixture.socket(AddressFamily.INET, SocketType.DGRAM);
    const data = fixture.bearer.allocate(100);
    const destination = { family: 'IPv4', address: '127.0.0.1', port: 9 } as const;
    const buffer = {
      index: 0,
      ring: null,
      whole: data,
      contains: () => true,
      begin() {},
      end() {},
    };
    expect(await failure(new SendZc({ socket, data, buffer, destination }))).toBe('EFAULT');
    expect(data.owner.name).toBe('Returned');
  });
});

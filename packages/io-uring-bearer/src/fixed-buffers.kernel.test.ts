// bearer.buffers.fixed against the kernel this runs on: what is pinned, counted, cloned, and left behind.

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FixedBuffer, Lease } from '@ringbearer/io-uring-buffer';
import { RawFd } from '@ringbearer/io-uring-fd';
import { Pipe, Read, ReadFixed, WriteFixed } from '@ringbearer/io-uring-opcode';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { bearerMaker } from '../test-support/bearers.js';
import { reportOf } from '../test-support/child.js';
import { UringBearer } from './index.js';

const make = bearerMaker();
const folder = mkdtempSync(join(tmpdir(), 'fixed-'));
afterAll(() => rmSync(folder, { recursive: true }));
const PAGE = 4096;
/** Bytes this process has pinned for longer than one operation: what the kernel's table of registered buffers holds. */
const pinned = (): number =>
  Number(/VmPin:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))![1]) * 1024;
const slots = (bearer: UringBearer) => bearer.stats().capacity.RegisteredBuffers;
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('the table', () => {
  test('pins pages from add() to remove(), and gives them back with close()', async () => {
    const base = pinned();
    const bearer = make('embedded');
    const { fixed } = bearer.buffers;
    expect(slots(bearer)).toEqual({ limit: 256, used: 0, peak: 0 });
    const one = fixed.add(bearer.allocate(4 * PAGE));
    const two = fixed.add(bearer.buffers.pool({ count: 3, bufferBytes: PAGE }));
    expect(pinned() - base).toBe(7 * PAGE);
    expect(slots(bearer)).toEqual({ limit: 256, used: 2, peak: 2 });
    one.remove();
    expect(pinned() - base).toBe(3 * PAGE);
    fixed.update(two, bearer.allocate(PAGE));
    expect(pinned() - base).toBe(PAGE);
    expect(slots(bearer)).toEqual({ limit: 256, used: 1, peak: 2 });
    await bearer.close();
    expect(pinned()).toBe(base);
    expect(slots(bearer).used).toBe(0);
    expect(() => fixed.add(one.whole!)).toThrow(code('BUFFER_CLOSED'));
  });

  test('AtCapacity names kind, limit and use; nothing is pinned', () => {
    const bearer = make('embedded', { RegisteredBuffers: 2 });
    const { fixed } = bearer.buffers;
    const buffers = [fixed.add(bearer.allocate(10)), fixed.add(bearer.allocate(10))];
    const before = pinned();
    expect(() => fixed.add(bearer.allocate(10))).toThrow(
      'Cannot take 1 more of RegisteredBuffers as 2 of 2 are in use: remove registered buffers, or register a pool as one, or give the bearer a larger RegisteredBuffers',
    );
    expect(pinned()).toBe(before);
    buffers[0]!.remove();
    expect(fixed.add(bearer.allocate(10)).index).toBe(0);
    const none = make('embedded', { RegisteredBuffers: 0 });
    expect(() => none.buffers.fixed.add(none.allocate(8))).toThrow(
      expect.objectContaining({ code: 'AT_CAPACITY', kind: 'RegisteredBuffers', limit: 0 }),
    );
  });

  test('has as many slots as the kernel allows', () => {
    const bearer = make('embedded', { RegisteredBuffers: 16_384 });
    const { fixed } = bearer.buffers;
    expect(fixed.add(bearer.allocate(8)).index).toBe(0);
    expect(() => make('embedded', { RegisteredBuffers: 16_385 })).toThrow(RangeError);
  });

  test('memory that is none is the system error, and nothing is taken', () => {
    const bearer = make('embedded');
    const nowhere = { addressLow: 0x1000, addressHigh: 0, bytes: new Uint8Array(8) };
    expect(() => bearer.buffers.fixed.add(nowhere)).toThrow(code('EFAULT'));
    expect(slots(bearer).used).toBe(0);
  });

  test('a buffer of a provided ring, so that what was received is sent in place', async () => {
    const bearer = make('embedded');
    const ring = bearer.buffers.ring({ count: 4, bufferBytes: 64 });
    const buffer = bearer.buffers.fixed.add(ring);
    const source = new RawFd(openSync('/proc/version', 'r'));
    const read = new Read({ descriptor: source, group: ring.group, length: 5, position: 0 });
    const lease = bearer.buffers.lease(read, await bearer.submit(read));
    lease.reuse();
    closeSync(source.number);
    const path = join(folder, 'ring');
    const descriptor = new RawFd(openSync(path, 'w+'));
    await bearer.submit(new WriteFixed({ descriptor, buffer, memory: lease, position: 0 }));
    expect(readFileSync(path, 'latin1')).toBe('Linux');
    lease.release();
    closeSync(descriptor.number);
  });
});

describe('RLIMIT_MEMLOCK', () => {
  test('a refusal says what to raise, and takes nothing', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root to become somebody else');
    const source = `
      const bearer = bearerWith();
      process.setgid(65534);
      process.setuid(65534);
      const other = bearerWith();
      const lease = other.allocate(1 << 20);
      const tell = (add) => {
        try {
          return add().index;
        } catch (error) {
          return [error.code, error.message, error.cause.code];
        }
      };
      const small = tell(() => other.buffers.fixed.add(other.allocate(4096)));
      const large = tell(() => other.buffers.fixed.add(lease));
      const { used } = other.stats().capacity.RegisteredBuffers;
      report([small, large, used, lease.owner.name]);
      await other.close();
      await bearer.close();`;
    const [answer] = await reportOf('embedded', source, {
      under: ['prlimit', '--memlock=524288:524288'],
    });
    expect(answer).toEqual([
      0,
      ['LOCKED_MEMORY', expect.stringMatching(/ulimit -l.*LimitMEMLOCK=.*CAP_IPC_LOCK/), 'ENOMEM'],
      1,
      'Created',
    ]);
  });
});

describe('clone()', () => {
  const pair = () => [make('embedded'), make('embedded')] as const;

  test('pins nothing again; one owner keeps two rings apart', async () => {
    const [one, two] = pair();
    const base = pinned();
    const lease = one.allocate(2 * PAGE);
    const original = one.buffers.fixed.add(lease);
    const [copy] = two.buffers.fixed.clone(one.buffers.fixed);
    expect([pinned() - base, copy!.index]).toEqual([2 * PAGE, 0]);
    expect([slots(two).used, slots(two).peak]).toEqual([1, 1]);
    const { readEnd, writeEnd } = await one.submit(new Pipe());
    const reading = one.submit(new ReadFixed({ descriptor: readEnd, buffer: original, length: 5 }));
    expect(() => two.push(new WriteFixed({ descriptor: writeEnd, buffer: copy! }))).toThrow(
      code('OWNER_KERNEL'),
    );
    expect(copy!.users).toBe(0);
    expect(() => original.remove()).toThrow(code('BUFFER_IN_USE'));
    copy!.remove(); // the original keeps the pages
    const data = two.allocate(5);
    const [, again] = two.buffers.fixed.clone(one.buffers.fixed, { to: 1 }).concat([null]);
    expect(again).toBeNull();
    data.fill(new TextEncoder().encode('hello'));
    await two.submit(new WriteFixed({ descriptor: writeEnd, buffer: two.buffers.fixed.add(data) }));
    expect(await reading).toBe(5);
    expect(lease.toString('latin1', 0, 5)).toBe('hello');
    for (const { number } of [readEnd, writeEnd]) closeSync(number);
  });

  test('either ring may close first', async () => {
    for (const first of ['source', 'destination']) {
      const base = pinned();
      const [one, two] = pair();
      const path = join(folder, first);
      const descriptor = new RawFd(openSync(path, 'w+'));
      const pool = one.buffers.pool({ count: 2, bufferBytes: PAGE });
      const original = one.buffers.fixed.add(pool);
      const [copy] = two.buffers.fixed.clone(one.buffers.fixed);
      const [closed, open] = first === 'source' ? [one, two] : [two, one];
      await closed.close();
      expect(pinned() - base).toBe(2 * PAGE);
      const buffer = first === 'source' ? copy! : original;
      const gone = first === 'source' ? original : copy!;
      expect([buffer.registered, gone.registered]).toEqual([true, false]);
      // The memory is there as long as somebody can name it.
      const memory = pool.take();
      memory.fill(new TextEncoder().encode(first));
      const { length } = first;
      const range = { descriptor, buffer, memory, length, position: 0 };
      expect(await open.submit(new WriteFixed(range))).toBe(length);
      expect(readFileSync(path, 'latin1')).toBe(first);
      memory.reuse();
      expect(await open.submit(new ReadFixed({ ...range, offset: 100 }))).toBe(length);
      expect(memory.toString('latin1', 100, 100 + length)).toBe(first);
      await open.close();
      expect(pinned()).toBe(base);
      closeSync(descriptor.number);
    }
  });

  test('offsets and replacement are the kernel\u2019s as well', async () => {
    const [one, two] = pair();
    const leases = ['a', 'b', 'c'].map((letter) => {
      const lease = one.allocate(8);
      lease.fill(new TextEncoder().encode(letter.repeat(8)));
      one.buffers.fixed.add(lease);
      return lease;
    });
    const here = two.allocate(8);
    here.fill(new TextEncoder().encode('hhhhhhhh'));
    two.buffers.fixed.add(here);
    two.buffers.fixed.clone(one.buffers.fixed, { from: 1, count: 2, to: 4 });
    two.buffers.fixed.clone(one.buffers.fixed, { from: 2, count: 1, to: 4, replace: true });
    const path = join(folder, 'offsets');
    const descriptor = new RawFd(openSync(path, 'w+'));
    for (const index of [0, 4, 5]) {
      const buffer = two.buffers.fixed.at(index)!;
      await two.submit(new WriteFixed({ descriptor, buffer, length: 1 }));
      if (index > 0) leases[2]!.reuse();
    }
    expect(readFileSync(path, 'latin1')).toBe('hcc');
    closeSync(descriptor.number);
  });

  test('more than there is room for: RangeError, and nothing is taken', () => {
    const one = make('embedded', { RegisteredBuffers: 4 });
    const two = make('embedded', { RegisteredBuffers: 2 });
    for (let i = 0; i < 3; i++) one.buffers.fixed.add(one.allocate(8));
    expect(() => two.buffers.fixed.clone(one.buffers.fixed)).toThrow(RangeError);
    expect(slots(two)).toEqual({ limit: 2, used: 0, peak: 0 });
    expect(two.buffers.fixed.clone(one.buffers.fixed, { from: 1, to: 0 })).toHaveLength(2);
    expect(() => two.buffers.fixed.add(two.allocate(8))).toThrow(code('AT_CAPACITY'));
  });
});

test('random operations: the books, the bytes and the pinned pages agree', async () => {
  const path = join(folder, 'random');
  const descriptor = new RawFd(openSync(path, 'w+'));
  const action = fc.oneof(
    fc.record({
      verb: fc.constantFrom('add', 'remove', 'update', 'add pool'),
      on: fc.nat(1),
      which: fc.nat(9),
    }),
    fc.record({ verb: fc.constantFrom('write', 'read', 'write'), on: fc.nat(1), which: fc.nat(9) }),
    fc.record({ verb: fc.constantFrom('clone', 'replace'), on: fc.nat(1), which: fc.nat(5) }),
  );
  const property = fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
    const base = pinned();
    const CAPACITY = 6;
    const bearers = [0, 1].map(() =>
      UringBearer.withCapacity({ CoreQueue: 8, RegisteredBuffers: CAPACITY }),
    );
    const models: (FixedBuffer | null)[][] = bearers.map(() => new Array(CAPACITY).fill(null));
    const pools = bearers.map((bearer) => bearer.buffers.pool({ count: 4, bufferBytes: PAGE }));
    const leases: Lease[][] = pools.map((pool) => [pool.take(), pool.take()]);
    let byte = 0;
    const pinOf = new Map<FixedBuffer, { bytes: number }>();
    const pin = (buffer: FixedBuffer): FixedBuffer => {
      pinOf.set(buffer, { bytes: buffer.byteLength });
      return buffer;
    };
    for (const { verb, on, which } of actions) {
      const bearer = bearers[on]!;
      const model = models[on]!;
      const { fixed } = bearer.buffers;
      const there = model.filter((buffer) => buffer !== null);
      const chosen = there[which % Math.max(there.length, 1)];
      if (verb === 'add' || verb === 'add pool') {
        const source = verb === 'add' ? bearer.allocate(PAGE) : pools[on]!;
        const free = model.indexOf(null);
        if (free < 0) expect(() => fixed.add(source)).toThrow(code('AT_CAPACITY'));
        else {
          model[free] = pin(fixed.add(source));
          expect(model[free]!.index).toBe(free);
        }
      } else if (verb === 'clone' || verb === 'replace') {
        const other = models[1 - on]!;
        const options = { from: which, count: 1, to: which, replace: verb === 'replace' };
        const source = bearers[1 - on]!.buffers.fixed;
        if (model[which] !== null && verb === 'clone') {
          expect(() => fixed.clone(source, options)).toThrow(code('BUFFER_IN_USE'));
        } else {
          const [copy] = fixed.clone(source, options);
          model[which] = copy!;
          if (copy) {
            expect(copy.unsafe).toBe(other[which]!.unsafe);
            pinOf.set(copy, pinOf.get(other[which]!)!);
          }
        }
      } else if (chosen === undefined || chosen === null) {
        continue;
      } else if (verb === 'remove') {
        chosen.remove();
        model[model.indexOf(chosen)] = null;
      } else if (verb === 'update') {
        model[model.indexOf(chosen)] = pin(fixed.update(chosen, bearer.allocate(2 * PAGE)));
      } else {
        // A pool of either bearer: one of its leases.
        const memory = chosen.whole ?? leases.flat().find((lease) => chosen.contains(lease))!;
        const lease = memory as Lease;
        if (!lease.owner.idle) lease.reuse();
        const range = { descriptor, buffer: chosen, memory, offset: 64, length: 16, position: 32 };
        if (verb === 'write') {
          lease.fill(new Uint8Array(16).fill(++byte), 64);
          expect(await bearer.submit(new WriteFixed(range))).toBe(16);
        } else if (byte > 0) {
          expect(await bearer.submit(new ReadFixed(range))).toBe(16);
          expect([lease.at(64), lease.at(79)]).toEqual([byte & 255, byte & 255]);
        }
      }
      bearers.forEach((each, i) => {
        const held = models[i]!.map((buffer) => buffer !== null);
        expect(held).toEqual(models[i]!.map((_, slot) => each.buffers.fixed.at(slot) !== null));
        expect(slots(each).used).toBe(held.filter(Boolean).length);
      });
      // A clone shares the pages of its original; everything else is pinned by itself.
      const pins = new Set(models.flat().flatMap((buffer) => (buffer ? pinOf.get(buffer)! : [])));
      expect(pinned() - base).toBe([...pins].reduce((sum, { bytes }) => sum + bytes, 0));
    }
    for (const bearer of bearers) await bearer.close();
    expect(pinned()).toBe(base);
  });
  await fc.assert(property, { numRuns: 300 });
  closeSync(descriptor.number);
}, 60_000);

describe.each(['embedded', 'owner'])('driver %s: a Worker that is terminated', (driver) => {
  test('with registered buffers in flight leaves nothing pinned', async () => {
    const source = `
      import { once } from 'node:events';
      import { readFileSync, readdirSync } from 'node:fs';
      import { Worker } from 'node:worker_threads';
      const pinned = () => Number(/VmPin:\\s*(\\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))[1]);
      const fds = () => readdirSync('/proc/self/fd').length;
      const program = \`
        const { parentPort, workerData } = await import('node:worker_threads');
        const { UringBearer } = await import('@ringbearer/io-uring-bearer');
        const op = await import('@ringbearer/io-uring-opcode');
        const { TargetFd } = await import('@ringbearer/io-uring-fd');
        const capacity = { CoreQueue: 16, RegisteredFd: 8 };
        const [one, two] = [0, 1].map(() => UringBearer.withCapacity(capacity, { driver: workerData }));
        const pool = one.buffers.pool({ count: 16, bufferBytes: 65536 });
        const buffer = one.buffers.fixed.add(pool);
        const [copy] = two.buffers.fixed.clone(one.buffers.fixed);
        for (const [bearer, registered] of [[one, buffer], [two, copy]]) {
          const { readEnd } = await bearer.submit(new op.Pipe({ into: TargetFd.auto }));
          bearer.push(new op.ReadFixed({ descriptor: readEnd, buffer: registered, memory: pool.take() }));
          bearer.flush();
        }
        parentPort.postMessage('in flight');
      \`;
      const url = new URL('data:text/javascript,');
      let most = 0;
      const round = async () => {
        const worker = new Worker(program, { eval: true, workerData: driver });
        const [answer] = await Promise.race([once(worker, 'message'), once(worker, 'error').then(([e]) => { throw e; })]);
        most = Math.max(most, pinned());
        await worker.terminate();
      };
      await round();
      for (let i = 0; i < 200 && pinned() > 0; i++) await new Promise((r) => setTimeout(r, 10));
      const before = fds();
      for (let i = 0; i < 10; i++) await round();
      for (let i = 0; i < 200 && (pinned() > 0 || fds() > before); i++) await new Promise((r) => setTimeout(r, 10));
      report({ most, left: pinned(), fds: fds() - before });`;
    const [answer] = await reportOf(driver, source, { flags: ['--no-warnings'] });
    expect(answer).toEqual({ most: 1024, left: 0, fds: 0 });
  }, 60_000);
});

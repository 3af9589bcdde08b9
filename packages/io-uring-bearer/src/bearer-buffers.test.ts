import { Nop, OpCodeError, SubmissionFlags } from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker } from '../test-support/bearers.js';
import { runProgram } from '../test-support/child.js';
import { KernelFixture } from '../test-support/kernel-fixture.js';
import { AtCapacity, BEARER_CAPACITY_KINDS } from './index.js';

const fixture = new KernelFixture();
const make = bearerMaker();
const thrown = (body: () => unknown): Error => {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
};

describe('capacities of memory', () => {
  test('Buffers, BufferBytes, BufferGroups and Futexes are bounded, and say so', () => {
    const bearer = make('manual', { Buffers: 4, BufferBytes: 65_536, BufferGroups: 1, Futexes: 2 });
    const kind = (body: () => unknown) => (thrown(body) as Error & { kind?: string }).kind;
    expect(kind(() => bearer.buffers.pool({ count: 5, bufferBytes: 8 }))).toBe('Buffers');
    expect(kind(() => bearer.buffers.pool({ count: 1, bufferBytes: 65_537 }))).toBe('BufferBytes');
    bearer.buffers.ring({ count: 2, bufferBytes: 1024 });
    expect(kind(() => bearer.buffers.ring({ count: 1, bufferBytes: 1024 }))).toBe('BufferGroups');
    const words = [bearer.buffers.futex(), bearer.buffers.futex()];
    expect(new Set(words).size).toBe(2);
    expect(kind(() => bearer.buffers.futex())).toBe('Futexes');
    expect(() => bearer.buffers.pool({ count: 0, bufferBytes: 8 })).toThrow(RangeError);
    expect(Object.keys(bearer.stats().capacity)).toEqual([...BEARER_CAPACITY_KINDS]);
    expect(bearer.stats().capacity).toMatchObject({
      Buffers: { used: 2 },
      BufferGroups: { used: 1 },
      Futexes: { used: 2 },
    });
  });

  test('AtCapacity says what makes room', () => {
    const bearer = make('manual', {
      PendingCompletions: 1,
      Buffers: 1,
      BufferBytes: 8192,
      BufferGroups: 0,
      Futexes: 0,
    });
    const message = (body: () => unknown) => thrown(body).message;
    bearer.push(new Nop());
    expect(message(() => bearer.push(new Nop()))).toMatch(
      /1 of 1 are in use: wait for completions, or give the bearer a larger PendingCompletions$/,
    );
    expect(message(() => bearer.buffers.pool({ count: 2, bufferBytes: 8 }))).toMatch(
      /release leases .*close pools.*larger Buffers$/,
    );
    expect(message(() => bearer.allocate(8193))).toMatch(
      /release leases .*close pools.*larger BufferBytes$/,
    );
    expect(message(() => bearer.buffers.ring({ count: 1, bufferBytes: 8 }))).toMatch(
      /unregister rings.*larger BufferGroups$/,
    );
    expect(message(() => bearer.buffers.futex())).toMatch(/larger Futexes$/);
    expect(new AtCapacity('RegisteredFd', 4, 4).message).toMatch(/close direct descriptors, or/);
  });

  test('a ring that is unregistered gives its group back', () => {
    const bearer = make('manual', { BufferGroups: 1 });
    for (let i = 0; i < 10; i++) {
      const ring = bearer.buffers.ring({ count: 2, bufferBytes: 64, group: 7 });
      expect(() => bearer.buffers.ring({ count: 2, bufferBytes: 64, group: 7 })).toThrow();
      ring.unregister();
    }
    expect(bearer.stats().capacity.BufferGroups.used).toBe(0);
  });

  test('allocate() over and over takes no more memory than it has at once', () => {
    const bearer = make('manual', { Buffers: 2, BufferBytes: 3 * 4096 });
    const use = () => {
      const { Buffers, BufferBytes } = bearer.stats().capacity;
      return [Buffers.used, BufferBytes.used];
    };
    for (let i = 0; i < 1000; i++) {
      const lease = bearer.allocate(1 + ((i * 37) % 4096));
      expect(lease.toBytes().every((byte) => byte === 0)).toBe(true);
      lease.fill(Buffer.alloc(lease.length, 0xff));
      lease.release();
      lease.release();
      expect(() => lease.toBytes()).toThrow(expect.objectContaining({ code: 'BUFFER_RELEASED' }));
    }
    expect(use()).toEqual([0, expect.any(Number)]);
    expect(use()[1]).toBeLessThanOrEqual(4096);
    const [one, two] = [bearer.allocate(4096), bearer.allocate(4096)];
    expect(one.unsafe.addressLow).not.toBe(two.unsafe.addressLow);
    expect(use()).toEqual([2, 8192]);
    expect((thrown(() => bearer.allocate(1)) as AtCapacity).kind).toBe('Buffers');
    one.release();
    // Large enough is nothing that is free, and the limit is on what is mapped.
    expect((thrown(() => bearer.allocate(8192)) as AtCapacity).kind).toBe('BufferBytes');
    expect(use()).toEqual([1, 8192]);
  });

  test('a pool that is closed gives its Buffers back, and its memory to the next', () => {
    const bearer = make('manual', { Buffers: 8, BufferBytes: 8 * 1024 });
    for (let i = 0; i < 20; i++) {
      const pool = bearer.buffers.pool({ count: 8, bufferBytes: 1024 - i });
      const lease = pool.take();
      pool.close();
      pool.close();
      expect(lease.held).toBe(false);
      lease.release();
      expect(bearer.stats().capacity).toMatchObject({
        Buffers: { used: 0 },
        BufferBytes: { used: 8192 },
      });
    }
  });

  test('a classic group that is closed gives back its Buffers and its group', () => {
    const bearer = make('manual', { Buffers: 4, BufferBytes: 4096, BufferGroups: 1 });
    for (let i = 0; i < 20; i++)
      bearer.buffers.classicGroup({ count: 4, bufferBytes: 1024, group: 3 }).close();
    expect(bearer.stats().capacity).toMatchObject({
      Buffers: { used: 0 },
      BufferBytes: { used: 4096 },
      BufferGroups: { used: 0 },
    });
  });

  test('a ring that is unregistered gives its Buffers back, and keeps its bytes', () => {
    const bearer = make('manual', { Buffers: 2, BufferBytes: 20_000 });
    for (let i = 0; i < 2; i++) bearer.buffers.ring({ count: 2, bufferBytes: 2048 }).unregister();
    const { Buffers, BufferBytes, BufferGroups } = bearer.stats().capacity;
    expect([Buffers.used, BufferGroups.used]).toEqual([0, 0]);
    expect(BufferBytes.used).toBeGreaterThan(2 * 4096);
    const kind = (body: () => unknown) => (thrown(body) as Error & { kind?: string }).kind;
    expect(kind(() => bearer.buffers.ring({ count: 2, bufferBytes: 2048 }))).toBe('BufferBytes');
  });

  test('what could not be made takes nothing but memory that serves again', () => {
    const bearer = make('manual', { Buffers: 8, BufferBytes: 16_384 });
    for (let i = 0; i < 20; i++)
      expect(() => bearer.buffers.ring({ count: 3, bufferBytes: 64 })).toThrow(RangeError);
    expect(bearer.stats().capacity).toMatchObject({
      Buffers: { used: 0 },
      BufferGroups: { used: 0 },
    });
    bearer.buffers.ring({ count: 2, bufferBytes: 64 });
  });

  test('memory of a closed bearer is refused', async () => {
    const bearer = make('manual');
    await bearer.close();
    for (const body of [
      () => bearer.allocate(64),
      () => bearer.buffers.pool({ count: 1, bufferBytes: 64 }),
      () => bearer.buffers.ring({ count: 1, bufferBytes: 64 }),
      () => bearer.buffers.classicGroup({ count: 1, bufferBytes: 64 }),
    ]) {
      expect(thrown(body)).toMatchObject({ code: 'BEARER_CLOSED' });
    }
    expect(bearer.stats().capacity).toMatchObject({
      Buffers: { used: 0 },
      BufferGroups: { used: 0 },
    });
  });

  test('errors of operations carry code, errno and syscall', async () => {
    const error = (await fixture.bearer
      .submit(new Nop({ result: -12 }))
      .catch((reason: unknown) => reason)) as OpCodeError;
    expect(error).toBeInstanceOf(OpCodeError);
    expect(error).toMatchObject({ code: 'ENOMEM', errno: -12, syscall: 'nop' });
  });

  test('SubmissionFlags.BACKGROUND does not keep a process, whatever fails', async () => {
    const { code } = await runProgram(
      'owner',
      `bearerWith().push(new op.Nop({ result: -5 }), op.SubmissionFlags.BACKGROUND);`,
    );
    expect(code).toBe(0);
    expect(SubmissionFlags.BACKGROUND).toBe(256);
  });
});

import { Nop, OpCodeError, SubmissionFlags } from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker } from '../test-support/bearers.js';
import { runProgram } from '../test-support/child.js';
import { KernelFixture } from '../test-support/kernel-fixture.js';
import { BEARER_CAPACITY_KINDS } from './index.js';

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

  test('a ring that is unregistered gives its group back', () => {
    const bearer = make('manual', { BufferGroups: 1 });
    for (let i = 0; i < 10; i++) {
      const ring = bearer.buffers.ring({ count: 2, bufferBytes: 64, group: 7 });
      expect(() => bearer.buffers.ring({ count: 2, bufferBytes: 64, group: 7 })).toThrow();
      ring.unregister();
    }
    expect(bearer.stats().capacity.BufferGroups.used).toBe(0);
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

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Arena, BufferError, BufferPool, HeapMemory, type Lease } from './index.js';

function code(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(BufferError);
    return (error as BufferError).code;
  }
  return 'no error';
}

describe('BufferPool', () => {
  test('take() hands the buffer released last out first', () => {
    const pool = new BufferPool(new Arena(new HeapMemory(), 4096), { count: 4, bufferBytes: 64 });
    const leases = [pool.take(), pool.take(), pool.take()];
    expect(leases.map((lease) => lease.id)).toEqual([0, 1, 2]);
    leases[0]!.release();
    leases[2]!.release();
    expect([pool.take().id, pool.take().id, pool.take().id]).toEqual([2, 0, 3]);
  });

  test('onRelease and onClose are called after the pool has changed', () => {
    const seen: (string | number)[] = [];
    const pool: BufferPool = new BufferPool(new Arena(new HeapMemory(), 4096), {
      count: 1,
      bufferBytes: 64,
      onRelease: () => {
        seen.push('release', pool.available);
        pool.close();
      },
      onClose: () => seen.push('close'),
    });
    const lease = pool.take();
    lease.release();
    lease.release();
    pool.close();
    expect(seen).toEqual(['release', 1, 'close']);
  });

  test('take() at capacity names kind, limit and use', () => {
    const pool = new BufferPool(new Arena(new HeapMemory(), 4096), { count: 1, bufferBytes: 64 });
    pool.take();
    try {
      pool.take();
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'AT_CAPACITY',
        capacity: { kind: 'Buffers', limit: 1, used: 1 },
        message: 'Cannot take 1 buffers as 1 of 1 are in use: release some, or make Buffers larger',
      });
    }
  });

  test('refuses sizes out of range, and an arena that is too small', () => {
    const arena = new Arena(new HeapMemory(), 4096);
    for (const options of [
      { count: 0, bufferBytes: 1 },
      { count: 1, bufferBytes: 0 },
      { count: 1.5, bufferBytes: 1 },
      { count: 1, bufferBytes: 1, group: 65_536 },
    ]) {
      expect(() => new BufferPool(arena, options)).toThrow(RangeError);
    }
    expect(code(() => new BufferPool(arena, { count: 2, bufferBytes: 4096 }))).toBe('AT_CAPACITY');
    expect(() => new BufferPool(arena, { count: 2, bufferBytes: 64 }).take(65)).toThrow(RangeError);
  });

  test('close() waits for the kernel, revokes leases and frees the arena', () => {
    const arena = new Arena(new HeapMemory(), 4096);
    const pool = new BufferPool(arena, { count: 2, bufferBytes: 64 });
    const sent = pool.take();
    const idle = pool.take();
    sent.owner.lend();
    expect(code(() => pool.close())).toBe('BUFFER_IN_USE');
    expect(idle.held).toBe(true);
    sent.owner.giveBack();
    pool.close();
    pool[Symbol.dispose]();
    expect(code(() => idle.toBytes())).toBe('BUFFER_RELEASED');
    idle.release();
    expect(code(() => pool.take())).toBe('BUFFER_CLOSED');
    arena.close();
  });

  test('never lends a buffer twice, whatever the churn', () => {
    const step = fc.record({
      what: fc.constantFrom('take', 'release', 'send', 'complete'),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(step, { maxLength: 100 }),
        (count, steps) => {
          const pool = new BufferPool(new Arena(new HeapMemory(), 4096), {
            count,
            bufferBytes: 32,
          });
          const held = new Map<Lease, string>();
          const gone: Lease[] = [];
          let serial = 0;
          for (const { what, pick } of steps) {
            const lease = [...held.keys()][pick % (held.size || 1)];
            if (what === 'take') {
              if (held.size === count) {
                expect(code(() => pool.take())).toBe('AT_CAPACITY');
              } else {
                const next = pool.take();
                expect([...held.keys()].map((other) => other.id)).not.toContain(next.id);
                const mark = String(serial++).padStart(8, '0');
                next.fill(Buffer.from(mark));
                held.set(next, mark);
              }
            } else if (lease === undefined) {
              continue;
            } else if (what === 'release') {
              if (lease.owner.name === 'Kernel') {
                expect(() => lease.release()).toThrow('the kernel owns it');
              } else {
                lease.release();
                held.delete(lease);
                gone.push(lease);
              }
            } else if (what === 'send' && lease.owner.name === 'Taken') {
              lease.owner.lend();
            } else if (what === 'complete' && lease.owner.name === 'Kernel') {
              lease.owner.giveBack();
            }
            expect(pool.used).toBe(held.size);
            for (const [other, mark] of held) {
              expect(Buffer.from(other.unsafe.bytes).toString('latin1', 0, 8)).toBe(mark);
            }
            for (const other of gone) expect(other.held).toBe(false);
          }
        },
      ),
    );
  });
});

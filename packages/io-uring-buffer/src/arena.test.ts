import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Arena, BufferError, HeapMemory } from './index.js';

function refusal(call: () => unknown): BufferError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(BufferError);
    return error as BufferError;
  }
  throw new Error('was not refused');
}

describe('Arena', () => {
  test('reports what it maps', () => {
    const arena = new Arena(new HeapMemory(), 5000);
    expect(arena).toMatchObject({ capacity: 8192, used: 0, tenants: 0, pageKind: '4k' });
  });

  test.each([0, -1, 1.5, Number.NaN])('refuses to map %s bytes', (length) => {
    expect(() => new Arena(new HeapMemory(), length)).toThrow(RangeError);
    expect(() => new Arena(new HeapMemory(), 4096).reserve(length)).toThrow(RangeError);
  });

  test('reserve() cuts ranges that are aligned, inside, apart, and know their address', () => {
    const request = fc.record({
      length: fc.integer({ min: 1, max: 3000 }),
      alignment: fc.constantFrom(1, 4, 64, 4096),
    });
    fc.assert(
      fc.property(
        fc.array(request, { maxLength: 20 }),
        fc.constantFrom(0, 0xffff_e000),
        (requests, low) => {
          const arena = new Arena(new HeapMemory({ addressLow: low, addressHigh: 7 }), 1 << 16);
          const base = 7n * 2n ** 32n + BigInt(low);
          let end = 0;
          for (const { length, alignment } of requests) {
            const range = arena.reserve(length, alignment);
            const address = BigInt(range.addressHigh) * 2n ** 32n + BigInt(range.addressLow);
            const at = Number(address - base);
            expect(at % alignment).toBe(0);
            expect(at).toBeGreaterThanOrEqual(end);
            expect(at - end).toBeLessThan(alignment);
            expect(range.bytes.byteOffset).toBe(at);
            expect(range.bytes.length).toBe(length);
            end = at + length;
            expect(arena.used).toBe(end);
          }
        },
      ),
    );
  });

  test('reserve() at capacity names kind, limit and use', () => {
    const arena = new Arena(new HeapMemory(), 4096);
    arena.reserve(4000);
    const error = refusal(() => arena.reserve(97));
    expect(error.code).toBe('AT_CAPACITY');
    expect(error.capacity).toEqual({ kind: 'BufferBytes', limit: 4096, used: 4000 });
    expect(error.message).toContain('Cannot take 97 bytes as 4000 of 4096 are in use');
    expect(arena.reserve(32).byteLength).toBe(32);
  });

  test('close() waits for every tenant and releases the mapping once', () => {
    const memory = new HeapMemory();
    const arena = new Arena(memory, 4096);
    const range = arena.reserve(8);
    const other = arena.reserve(8);
    arena.vacate(range);
    arena.vacate(range);
    expect(refusal(() => arena.close()).code).toBe('BUFFER_IN_USE');
    arena.vacate(other);
    arena.close();
    arena[Symbol.dispose]();
    expect(memory.mapped).toBe(0);
    expect(refusal(() => arena.reserve(1)).code).toBe('BUFFER_CLOSED');
  });
});

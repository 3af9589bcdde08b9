import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { SpareMemory } from './spare-memory.js';

const KIB = 1024;
const filled = (length: number, value: number) => new Uint8Array(length).fill(value);

describe('SpareMemory', () => {
  it('copies exactly the bytes, and only those that are worth it', () => {
    const memory = new SpareMemory();
    expect(memory.copy(filled(32 * KIB - 1, 1))).toBeNull();
    expect(memory.copy(filled(4096 * KIB + 1, 1))).toBeNull();
    for (const length of [32 * KIB, 32 * KIB + 1, 100_000, 1024 * KIB, 4096 * KIB]) {
      const source = filled(length, 7);
      const copy = memory.copy(source)!;
      source.fill(8);
      expect(copy.byteLength).toBe(length);
      expect(Buffer.from(copy.bytes).equals(filled(length, 7))).toBe(true);
    }
  });

  it('uses memory again once it is given back, and never before', () => {
    const memory = new SpareMemory();
    const first = memory.copy(filled(100_000, 1))!;
    const other = memory.copy(filled(100_000, 2))!;
    const { buffer } = first.bytes;
    expect(other.bytes.buffer).not.toBe(buffer);
    first.release();
    first.release();
    const again = memory.copy(filled(90_000, 3))!;
    expect(again.bytes.buffer).toBe(buffer);
    expect(again.bytes).toHaveLength(90_000);
    expect(memory.copy(filled(90_000, 4))!.bytes.buffer).not.toBe(buffer);
    expect(() => first.bytes).toThrow(/given back/);
    expect(() => first.move()).toThrow(/given back/);
    expect(other.bytes[0]).toBe(2);
  });

  it('moved, it is the new holder that gives it back', () => {
    const memory = new SpareMemory();
    const held = memory.copy(filled(100_000, 1))!;
    const moved = held.move();
    held.release();
    expect(() => held.bytes).toThrow(/given back/);
    expect(memory.copy(filled(100_000, 2))!.bytes.buffer).not.toBe(moved.bytes.buffer);
    expect(moved.bytes[99_999]).toBe(1);
  });

  it('keeps no more than its bound while it is in use, and nothing for ever', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const memory = new SpareMemory();
    const used = () => process.memoryUsage().arrayBuffers / KIB / KIB;
    const collected = async (most: number): Promise<number> => {
      for (let round = 0; round < 50 && used() > most; round++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return used();
    };
    const before = await collected(0);
    const inUse = async (): Promise<void> => {
      const source = filled(KIB * KIB, 1);
      const last = memory.copy(source)!;
      for (const copy of Array.from({ length: 64 }, () => memory.copy(source)!)) copy.release();
      expect(await collected(before + 35)).toBeLessThan(before + 35);
      expect(used()).toBeGreaterThan(before + 32);
      expect(last.bytes[0]).toBe(1);
    };
    await inUse();
    expect(await collected(before + 2)).toBeLessThan(before + 2);
  });
});

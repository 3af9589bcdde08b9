import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { Arena, FutexWord, HeapMemory } from './index.js';

/** Answers as a native lookup does: base of the buffer plus the offset of the view. */
const lookup = (bytes: ArrayBufferView, out: Uint32Array): void => {
  out[0] = 0xffff_fff0 + bytes.byteOffset;
  out[1] = 6;
};

describe('FutexWord', () => {
  test('inArena() is a word in a cache line of its own', () => {
    const arena = new Arena(new HeapMemory({ addressLow: 4096 }), 4096);
    const first = FutexWord.inArena(arena, -2);
    const second = FutexWord.inArena(arena);
    expect([first.load(), second.load()]).toEqual([-2, 0]);
    expect(second.unsafe.addressLow - first.unsafe.addressLow).toBe(64);
    expect(first).toMatchObject({ byteLength: 4 });
  });

  test('over() is a word of shared memory that workers see', async () => {
    const words = new Int32Array(new SharedArrayBuffer(16));
    const word = FutexWord.over(words, 2, lookup);
    expect(word.unsafe).toMatchObject({ addressLow: 0xffff_fff8, addressHigh: 6 });
    const source =
      "const { workerData: w } = require('node:worker_threads'); Atomics.store(w, 2, 77);";
    await new Promise((resolve, reject) => {
      new Worker(source, { eval: true, workerData: words }).on('exit', resolve).on('error', reject);
    });
    expect(word.load()).toBe(77);
    word.store(5);
    expect([...words]).toEqual([0, 0, 5, 0]);
  });

  test('over() refuses memory that may move, and words that are not there', () => {
    expect(() => FutexWord.over(new Int32Array(4), 0, lookup)).toThrow(TypeError);
    const words = new Int32Array(new SharedArrayBuffer(16));
    for (const index of [-1, 4, 0.5]) {
      expect(() => FutexWord.over(words, index, lookup)).toThrow(RangeError);
    }
  });

  test('compareExchange() and add() return what was there', () => {
    const word = FutexWord.inArena(new Arena(new HeapMemory(), 4096), 3);
    expect(word.compareExchange(3, 4)).toBe(3);
    expect(word.compareExchange(3, 9)).toBe(4);
    expect(word.add(2)).toBe(4);
    expect(word.load()).toBe(6);
  });

  test('may be read and written while many operations wait on it, round after round', () => {
    const word = FutexWord.inArena(new Arena(new HeapMemory(), 4096));
    for (let round = 0; round < 3; round++) {
      for (let waiter = 0; waiter < 5; waiter++) word.owner.lend();
      word.store(round);
      expect(word.load()).toBe(round);
      for (let waiter = 5; waiter > 0; waiter--) {
        expect(word.owner.users).toBe(waiter);
        expect(() => word.release()).toThrow('wake or cancel');
        word.owner.giveBack();
      }
    }
    expect(word.owner.name).toBe('Reusable');
  });

  test('release() frees the arena and ends every access', () => {
    const arena = new Arena(new HeapMemory(), 4096);
    const word = FutexWord.inArena(arena);
    word.release();
    word[Symbol.dispose]();
    arena.close();
    const accesses = [() => word.load(), () => word.store(1), () => word.owner, () => word.unsafe];
    for (const access of accesses) expect(access).toThrow('after it was released');
  });
});

import { describe, expect, it } from 'vitest';
import { blockChooser, sumOf, wordsOf } from './blocks.mjs';

describe('blockChooser()', () => {
  it('goes through the file in order, again and again', () => {
    const choose = blockChooser({ bytes: 4, order: 'sequential', seed: 1 }, 13);
    expect(Array.from({ length: 4 }, choose)).toEqual([0, 4, 8, 0]);
  });

  it('jumps to blocks of the file, the same for the same seed', () => {
    const settings = { bytes: 4096, order: 'random', seed: 20_301 };
    const draw = () => {
      const choose = blockChooser(settings, 1 << 26);
      return Array.from({ length: 1000 }, choose);
    };
    const positions = draw();
    expect(draw()).toEqual(positions);
    expect(new Set(positions).size).toBeGreaterThan(900);
    expect(positions.every((at) => at % 4096 === 0 && at >= 0 && at < 1 << 26)).toBe(true);
  });
});

describe('sumOf()', () => {
  it('takes all words, or one of each page, and the last once more', () => {
    const words = wordsOf(new Uint8Array(new Uint32Array(2048).fill(1).buffer));
    words[2047] = 5;
    expect(sumOf(words, true)).toBe(2047 + 5 + 5);
    expect(sumOf(words, false)).toBe(2 + 5);
  });
});

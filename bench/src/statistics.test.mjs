import { describe, expect, it } from 'vitest';
import { median, pairedRatio, spread } from './statistics.mjs';

describe('median()', () => {
  it('takes the middle of an odd count and the mean of the middle two of an even one', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([10, 1, 2, 3])).toBe(2.5);
    expect(median([100, 9])).toBe(54.5);
  });

  it('sorts by number and leaves its argument alone', () => {
    const values = [10, 9, 100];
    expect(median(values)).toBe(10);
    expect(values).toEqual([10, 9, 100]);
  });

  it('has no answer for no values', () => {
    expect(median([])).toBeNaN();
  });
});

describe('spread()', () => {
  it('gives the middle and both ends', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spread([])).toBeUndefined();
  });
});

describe('pairedRatio()', () => {
  it('divides within each round before it takes the median', () => {
    // The machine was twice as slow in the second round: the ratio does not move.
    expect(pairedRatio([6, 12, 6], [4, 8, 4])).toEqual({ median: 1.5, min: 1.5, max: 1.5 });
  });

  it('leaves out rounds in which either side has no value', () => {
    expect(pairedRatio([2, undefined, 6, 8], [1, 1, undefined])).toEqual({
      median: 2,
      min: 2,
      max: 2,
    });
    expect(pairedRatio([1], [0])).toBeUndefined();
  });
});

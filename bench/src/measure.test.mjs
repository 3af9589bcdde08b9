import { describe, expect, it } from 'vitest';
import { inTurn } from './measure.mjs';

describe('inTurn()', () => {
  it('begins one later every round and leaves nobody out', () => {
    const list = ['a', 'b', 'c'];
    expect(inTurn(list, 0)).toEqual(['a', 'b', 'c']);
    expect(inTurn(list, 1)).toEqual(['b', 'c', 'a']);
    expect(inTurn(list, 5)).toEqual(['c', 'a', 'b']);
    expect(inTurn([], 2)).toEqual([]);
  });
});

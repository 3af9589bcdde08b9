import { expect, it } from 'vitest';
import { WorkList } from './work-list.js';

it('gives what was pushed, in order, and refers to nothing that was taken', () => {
  const list = new WorkList<{ n: number }>();
  for (const size of [3, 1, 5, 0, 5]) {
    for (let n = 0; n < size; n++) list.push({ n });
    const taken: number[] = [];
    // What is pushed while the list is worked through is part of it.
    for (let index = 0; index < list.length; index++) {
      const { n } = list.take(index);
      taken.push(n);
      if (n === 2) list.push({ n: 100 });
      expect(list.take(index)).toBeNull();
    }
    const numbers = Array.from({ length: size }, (_, n) => n);
    expect(taken).toEqual(size > 2 ? [...numbers, 100] : numbers);
    list.clear();
    expect(list.length).toBe(0);
  }
});

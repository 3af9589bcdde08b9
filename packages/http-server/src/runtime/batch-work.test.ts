import { describe, expect, it } from 'vitest';
import { BatchWork, type Flushable } from './batch-work.js';

describe('BatchWork', () => {
  it('flushes in order and in rounds, and goes on after what throws', () => {
    const work = new BatchWork<Flushable>();
    const done: string[] = [];
    const item = (name: string, flush: () => void = () => {}) => {
      const self = {
        dirty: true,
        flush: () => {
          expect(self.dirty).toBe(false);
          done.push(name);
          flush();
        },
      };
      return self;
    };
    const again = item('again');
    work.add(item('first', () => work.add(again)));
    work.add(
      item('throws', () => {
        throw new Error('of a protocol');
      }),
    );
    work.add(item('third'));
    work.flush();
    expect(done).toEqual(['first', 'throws', 'third', 'again']);
    work.flush();
    expect(done.length).toBe(4);
  });
});

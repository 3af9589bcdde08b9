import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stuckTime, Watchdog } from './watchdog.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A watchdog that takes notes. */
function watched(answers: () => boolean) {
  const told: string[] = [];
  const dog: Watchdog = new Watchdog(
    1000,
    () => {
      told.push('ask');
      if (answers()) dog.answered();
    },
    () => told.push('stuck'),
  );
  return { dog, told };
}

describe('Watchdog', () => {
  test('says nothing of a thread that answers', () => {
    const { dog, told } = watched(() => true);
    vi.advanceTimersByTime(60_000);
    expect(new Set(told)).toEqual(new Set(['ask']));
    dog.stop();
    const asked = told.length;
    vi.advanceTimersByTime(60_000);
    expect(told.length).toBe(asked);
  });

  test('says once that it does not, however late the answer comes', () => {
    const { dog, told } = watched(() => false);
    vi.advanceTimersByTime(1000);
    expect(told).toEqual(['ask', 'ask', 'ask', 'ask']);
    vi.advanceTimersByTime(250);
    expect(told.at(-1)).toBe('stuck');
    dog.answered();
    vi.advanceTimersByTime(60_000);
    expect(told.length).toBe(5);
  });

  test('forgives questions as long as one is answered', () => {
    let asked = 0;
    const { told } = watched(() => ++asked % 4 === 0);
    vi.advanceTimersByTime(60_000);
    expect(told).not.toContain('stuck');
  });
});

test.each([0, 99, -1, Number.NaN, 2 ** 31])('stuckTime() refuses %s', (time) => {
  expect(() => stuckTime(time)).toThrow(/^Cannot start as stuckAfterMs must be from 100 to/);
});

test('stuckTime() is never, unless it was given', () => {
  expect([stuckTime(), stuckTime(undefined), stuckTime(100)]).toEqual([Infinity, Infinity, 100]);
});

import { describe, expect, it } from 'vitest';
import { coreBusy, parseCoreTime } from './core-time.mjs';

const STAT = `cpu  6279 0 5114 200739 733 0 338 18 0 0
cpu0 2471 0 2135 101702 139 0 136 7 0 0
cpu1 3807 0 2978 99037 593 0 201 11 0 0
intr 1
`;

describe('parseCoreTime()', () => {
  it('reads one core', () => {
    expect(parseCoreTime(STAT, 1)).toEqual({
      idle: 99630,
      total: 3807 + 2978 + 99037 + 593 + 201 + 11,
    });
    expect(parseCoreTime(STAT, 10)).toBeUndefined();
  });
});

describe('coreBusy()', () => {
  it('is the share of time not idle', () => {
    expect(coreBusy({ idle: 100, total: 200 }, { idle: 125, total: 300 })).toBe(0.75);
  });

  it('has no answer without two different readings', () => {
    expect(coreBusy(undefined, { idle: 1, total: 2 })).toBeUndefined();
    expect(coreBusy({ idle: 1, total: 2 }, { idle: 1, total: 2 })).toBeUndefined();
  });
});

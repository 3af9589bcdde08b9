import { describe, expect, it } from 'vitest';
import { judge, remarks, summarize } from './summary.mjs';

const WORK = {
  name: 'nop',
  reads: false,
  peer: { name: 'net', title: 'x node:net' },
  programs: [
    { name: 'c', settings: {} },
    { name: 'push-owner', settings: { driver: 'owner' } },
    { name: 'submit-owner', settings: { driver: 'owner' }, push: 'push-owner' },
    { name: 'net', settings: {} },
  ],
};

const runs = (...cpu) =>
  cpu.map((cpuMicroseconds, round) => ({
    round,
    operations: 10,
    seconds: 1e-6 * cpuMicroseconds,
    cpuMicroseconds,
    checksum: 0,
  }));

const SAMPLES = {
  c: runs(10, 20, 10),
  'push-owner': runs(15, 30, 18),
  'submit-owner': runs(60, 60, 60),
  net: runs(30, 60, 36),
};

describe('summarize()', () => {
  it('divides by operations, and pair by pair', () => {
    const push = summarize(WORK, SAMPLES, 3)[1];
    expect(push.name).toBe('push-owner');
    expect(push.cpuMicros).toEqual({ median: 1.8, min: 1.5, max: 3 });
    expect(push.toC).toEqual({ median: 1.5, min: 1.5, max: 1.8 });
    expect(push.toPeer).toEqual({ median: 0.5, min: 0.5, max: 0.5 });
    expect(push.busy).toBeCloseTo(1);
  });

  it('has no ratios without the other side', () => {
    const [push] = summarize({ ...WORK, peer: undefined }, { 'push-owner': runs(15) }, 1);
    expect(push.toC).toBeUndefined();
    expect(push.toPeer).toBeUndefined();
  });

  it('has a row for a program that never finished', () => {
    const [, push] = summarize(WORK, { c: runs(10), 'push-owner': [] }, 1);
    expect(push).toMatchObject({ name: 'push-owner', cpuMicros: undefined });
  });
});

describe('judge()', () => {
  it('lets the median decide', () => {
    const goals = judge(WORK, SAMPLES, 3);
    expect(goals.map(({ under, over, met }) => [over, under, met])).toEqual([
      ['c', 'push-owner', true], // C costs 0.67 of it: two thirds of C's rate
      ['submit-owner', 'push-owner', false], // 3.3 times
    ]);
  });

  it('is silent about what was not measured', () => {
    expect(judge(WORK, { c: runs(10) }, 1)).toEqual([]);
  });

  it('compares reads with fs.promises', () => {
    const work = { ...WORK, name: 'read', reads: true };
    const samples = { 'fs-promises': runs(50), 'push-owner': runs(20) };
    expect(judge(work, samples, 1)).toMatchObject([{ ratio: { median: 2.5 }, met: true }]);
  });
});

describe('remarks()', () => {
  it('names who shared the core', () => {
    const row = { name: 'a', busy: 0.99 };
    expect(remarks([row])).toEqual([]);
    expect(remarks([row, { name: 'b', busy: 0.5 }])[0]).toMatch(/50 % of the core.*: b$/);
  });
});

import { describe, expect, it } from 'vitest';
import { cpuSpent, parseSchedstat, parseStat, readCpuTime } from './cpu-time.mjs';

describe('parseStat()', () => {
  it('adds children to user and system time, whatever the command is called', () => {
    const line = '42 (a) b (c)) S 1 42 42 0 -1 4194304 9 8 7 6 100 200 3 4 20 0 5 0 123 456';
    expect(parseStat(line)).toEqual({ user: 103, system: 204 });
  });
});

describe('parseSchedstat()', () => {
  it('reads the first field', () => {
    expect(parseSchedstat('179804908 16052907 414\n')).toBe(179804908);
  });

  it('has no answer for anything else', () => {
    expect(parseSchedstat('')).toBeUndefined();
  });
});

describe('cpuSpent()', () => {
  const before = { userTicks: 10, systemTicks: 20, nanoseconds: 300_000_000 };

  it('takes the nanoseconds and splits them as the ticks do', () => {
    const after = { userTicks: 35, systemTicks: 95, nanoseconds: 1_308_000_000 };
    expect(cpuSpent(before, after)).toEqual({ total: 1_008_000, user: 252_000, system: 756_000 });
  });

  it('takes the ticks when a thread that ended took its nanoseconds with it', () => {
    const after = { userTicks: 35, systemTicks: 95, nanoseconds: 800_000_000 };
    expect(cpuSpent(before, after).total).toBe(1_000_000);
  });

  it('takes the ticks where there are no nanoseconds', () => {
    const after = { userTicks: 11, systemTicks: 21, nanoseconds: undefined };
    expect(cpuSpent(before, after)).toEqual({ total: 20_000, user: 10_000, system: 10_000 });
  });

  it('splits nothing into nothing', () => {
    expect(cpuSpent(before, before)).toEqual({ total: 0, user: 0, system: 0 });
  });
});

describe('readCpuTime()', () => {
  it.skipIf(process.platform !== 'linux')('sees this process work', () => {
    const before = readCpuTime(process.pid);
    const end = performance.now() + 60;
    while (performance.now() < end);
    expect(cpuSpent(before, readCpuTime(process.pid)).total).toBeGreaterThan(1000);
  });

  it('throws when the process is gone', () => {
    expect(() => readCpuTime(2 ** 30)).toThrow();
  });
});

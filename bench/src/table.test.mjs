import { describe, expect, it } from 'vitest';
import { duration, markdownTable, textTable } from './table.mjs';

const one = (value) => ({ median: value, min: value, max: value });
const PEERS = [
  {
    name: 'limit',
    cpuMicros: { median: 4.456, min: 4.4, max: 5 },
    userMicros: 1,
    systemMicros: 3.456,
    toLimit: one(1),
    requestsPerSecond: one(182_345),
    p99Micros: 612,
    serverBusy: 0.814,
    clientBusy: 1,
    foreignBusy: 0,
    complaints: [],
    failure: undefined,
  },
  {
    name: 'broken-one',
    cpuMicros: undefined,
    userMicros: Number.NaN,
    systemMicros: Number.NaN,
    toLimit: undefined,
    requestsPerSecond: undefined,
    p99Micros: Number.NaN,
    serverBusy: Number.NaN,
    clientBusy: Number.NaN,
    foreignBusy: Number.NaN,
    complaints: [],
    failure: 'did not start',
  },
];

describe('duration()', () => {
  it('keeps three figures', () => {
    expect(duration(612)).toBe('612 us');
    expect(duration(1234)).toBe('1.23 ms');
    expect(duration(2.5e6)).toBe('2.50 s');
  });
});

describe('textTable()', () => {
  it('aligns columns and marks what was not measured', () => {
    const lines = textTable(PEERS).split('\n');
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    expect(lines[1].split(/ {2,}/)).toEqual([
      'limit',
      '4.46 (4.40-5.00)',
      '1.00',
      '3.46',
      '1.00 (1.00-1.00)',
      '182.3 (182.3-182.3)',
      '612 us',
      '81 %',
      '100 %',
    ]);
    expect(lines[2].split(/ {2,}/)).toEqual(['broken-one', ...Array(8).fill('-')]);
  });
});

describe('markdownTable()', () => {
  it('has a rule below the titles and one row per peer', () => {
    const lines = markdownTable(PEERS).split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[1]).toBe('|---|---:|---:|---:|---:|---:|---:|---:|---:|');
    expect(lines[2]).toMatch(/^\| limit \| 4\.46 \(4\.40-5\.00\) \|.*\|$/);
  });
});

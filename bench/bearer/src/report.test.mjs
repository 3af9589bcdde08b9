import { describe, expect, it } from 'vitest';
import { renderReport, threeFigures } from './report.mjs';

const spread = (median) => ({ median, min: median, max: median });

const REPORT = {
  date: '2030-01-01',
  machine: { cpu: 'A CPU', cores: 2, kernel: '6.18', node: 'v20.0.0' },
  settings: { rounds: 5, percent: 50, core: 0, fileSystem: 'ext4' },
  cases: [
    {
      name: 'nop',
      title: 'NOPs',
      peerTitle: undefined,
      operations: 100,
      about: { c: 'C + liburing', push: 'push form' },
      samples: {},
      summary: [
        {
          name: 'push',
          cpuMicros: spread(0.1234),
          toC: spread(1.5),
          toPeer: undefined,
          operationsPerSecond: spread(8.1e6),
          busy: 1,
        },
      ],
      goals: [{ what: 'push: rate over C', min: 0.5, ratio: spread(0.67), met: true }],
      skipped: [{ name: 'c', why: 'no compiler' }],
      failed: [{ name: 'broken', why: 'ended with code 1' }],
    },
  ],
};

describe('renderReport()', () => {
  it('has the machine, the settings, the table, the goals, and what was left out', () => {
    const text = renderReport(REPORT, false);
    for (const part of [
      'A CPU, 2 cores, Linux 6.18, Node v20.0.0, 2030-01-01',
      '5 rounds, each program a fresh process on core 0, 50 % of the usual work',
      'file of 64 MiB on ext4, in the page cache',
      'NOPs (100 operations)',
      '0.123 (0.123-0.123)',
      '8100 (8100-8100)',
      'met    nop push: rate over C: 0.67 (0.67-0.67), wanted at least 0.5',
      'c skipped: no compiler',
      'broken FAILED: ended with code 1',
      'push: push form',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain('node:');
  });

  it('is Markdown when asked', () => {
    const text = renderReport(REPORT, true);
    expect(text).toContain('### NOPs (100 operations)\n\n| program |');
    expect(text).toContain('- c skipped');
  });
});

describe('threeFigures()', () => {
  it('has no exponents', () => {
    expect([0.07312, 1.234, 12.34, 99.99, 1234.5].map(threeFigures)).toEqual([
      '0.0731',
      '1.23',
      '12.3',
      '100',
      '1235',
    ]);
  });
});

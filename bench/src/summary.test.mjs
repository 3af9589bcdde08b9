import { describe, expect, it } from 'vitest';
import { remarks, summarize } from './summary.mjs';

const sample = (round, cpuMicros, more = {}) => ({
  round,
  requests: 1000,
  requestsPerSecond: 1e6 / cpuMicros,
  cpuMicros,
  userMicros: cpuMicros / 4,
  systemMicros: (cpuMicros * 3) / 4,
  p99Micros: 500,
  serverBusy: 0.9,
  clientBusy: 0.5,
  foreignBusy: 0.01,
  complaint: undefined,
  ...more,
});

describe('summarize()', () => {
  it('sets every peer against the limit of the same round', () => {
    const result = {
      name: 'hello',
      samples: {
        limit: [sample(0, 4), sample(1, 8)],
        ours: [sample(0, 5), sample(1, 10)],
      },
      failures: {},
    };
    const [limit, ours] = summarize(result, 2);
    expect(limit.toLimit).toEqual({ median: 1, min: 1, max: 1 });
    expect(ours.toLimit).toEqual({ median: 1.25, min: 1.25, max: 1.25 });
    expect(ours.cpuMicros).toEqual({ median: 7.5, min: 5, max: 10 });
    expect(ours.userMicros + ours.systemMicros).toBeCloseTo(7.5);
    expect(ours.p99Micros).toBe(500);
  });

  it('has no ratio without the limit and no figures without samples', () => {
    const result = {
      name: 'hello',
      samples: { ours: [] },
      failures: { ours: 'ended with code 1' },
    };
    expect(summarize(result, 2)[0]).toMatchObject({
      cpuMicros: undefined,
      toLimit: undefined,
      failure: 'ended with code 1',
    });
  });
});

describe('remarks()', () => {
  const of = (samples, failures = {}) =>
    remarks(summarize({ name: 'hello', samples, failures }, 1));

  it('says nothing about a clean run', () => {
    expect(of({ limit: [sample(0, 4)] })).toEqual([]);
  });

  it('tells failures, complaints, noise and a saturated client', () => {
    const lines = of(
      {
        bad: [],
        rough: [sample(0, 4, { complaint: '3 read errors' })],
        noisy: [sample(0, 4, { foreignBusy: 0.2 })],
        quick: [sample(0, 4, { clientBusy: 0.99 })],
      },
      { bad: 'did not start' },
    );
    expect(lines).toEqual([
      'bad failed: did not start',
      'rough: 3 read errors',
      "other work took up to 20 % of the server's core: these figures are noise",
      'wrk was the bottleneck, so req/s says little: quick',
    ]);
  });
});

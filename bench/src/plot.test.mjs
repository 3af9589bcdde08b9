import { describe, expect, it } from 'vitest';
import { renderPlot } from './plot.mjs';

const spread = (median) => ({ median, min: median, max: median });
const report = {
  date: '2026-11-21T00:00:00.000Z',
  machine: { cpu: 'A & B', cores: 2, kernel: '6.18', node: 'v20' },
  cases: [
    {
      name: 'hello',
      summary: [
        { name: 'node-http', cpuMicros: spread(15) },
        { name: 'ringbearer-raw', cpuMicros: spread(5) },
        { name: 'absent', cpuMicros: undefined },
      ],
    },
    { name: 'echo-1k', summary: [{ name: 'absent', cpuMicros: undefined }] },
  ],
};

describe('renderPlot()', () => {
  const svg = renderPlot(report);
  const widths = [...svg.matchAll(/<rect x="[^"]+" y="[^"]+" width="([\d.]+)"/g)].map((match) =>
    Number(match[1]),
  );

  it('has a bar for each server that was measured, the cheapest first', () => {
    expect(svg.indexOf('ringbearer-raw')).toBeLessThan(svg.indexOf('node-http'));
    expect(svg).not.toContain('absent');
    expect(widths).toHaveLength(2);
  });

  it('draws bars in proportion', () => {
    expect(widths[1] / widths[0]).toBeCloseTo(3, 1);
  });

  it('has figures of three digits without an exponent, and a title', () => {
    const large = structuredClone(report);
    large.cases[0].summary[0].cpuMicros = spread(2192.68);
    expect(renderPlot(large)).toContain('>2193<');
    expect(svg).toContain('>5.00<');
    expect(svg).toMatch(/<title id="title">CPU microseconds/);
  });

  it('is well-formed where names are not', () => {
    expect(svg).toContain('A &amp; B');
    expect(svg.match(/<g /g)?.length).toBe(svg.match(/<\/g>/g)?.length);
  });
});

import { describe, expect, it } from 'vitest';
import { renderReport } from './report.mjs';

const REPORT = {
  date: '2030-01-01',
  machine: { cpu: 'A CPU', cores: 2, kernel: '6.18', node: 'v20.0.0' },
  settings: { seconds: 3, rounds: 5, connections: 64, pin: { server: 0, client: 1 } },
  peers: [{ name: 'limit', about: 'C', version: '', answerBytes: 139 }],
  skipped: [{ name: 'deno', why: 'not installed' }],
  failed: [{ name: 'mine', why: 'answered "HTTP/1.1 404"' }],
  cases: [{ name: 'hello', samples: {}, summary: [] }],
};

describe('renderReport()', () => {
  it('names the machine, the settings, and every server measured, skipped or failed', () => {
    const text = renderReport(REPORT, false);
    expect(text).toContain('A CPU, 2 cores, Linux 6.18, Node v20.0.0, 2030-01-01');
    expect(text).toContain('5 rounds of 3 s, 64 connections, server on core 0, wrk on core 1');
    expect(text).toContain('limit: C, answers of 139 bytes');
    expect(text).toContain('deno skipped: not installed');
    expect(text).toContain('mine FAILED: answered "HTTP/1.1 404"');
  });

  it('is Markdown when asked', () => {
    const text = renderReport(REPORT, true);
    expect(text).toContain('### GET / hello, keep-alive\n\n| server |');
    expect(text).toContain('\n- deno skipped');
  });
});

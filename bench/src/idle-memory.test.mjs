import { describe, expect, it } from 'vitest';
import { parseResident, residentBytes } from './idle-memory.mjs';

describe('parseResident()', () => {
  it('reads VmRSS in bytes', () => {
    expect(parseResident('Name:\tnode\nVmHWM:\t 200 kB\nVmRSS:\t  123 kB\nRssAnon:\t 1 kB\n')).toBe(
      123 * 1024,
    );
  });

  it('says so when there is none', () => {
    expect(() => parseResident('Name:\tkthreadd\n')).toThrow('VmRSS');
  });
});

describe('residentBytes()', () => {
  it('grows by memory that was written to', () => {
    const before = residentBytes(process.pid);
    const memory = Buffer.alloc(64 << 20, 1);
    expect(residentBytes(process.pid) - before).toBeGreaterThan(memory.length / 2);
  });
});
